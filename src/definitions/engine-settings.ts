import { DefinitionError } from '../errors.js';
import { checkFields } from './definition.js';
import { type Duration, parseDuration } from './duration.js';
import { checkSetting, type Setting } from './setting.js';
import { checkTls, type TlsSettings } from './tls-settings.js';

/** Where the lake's catalog is: a file of this machine, or a Postgres database that many hosts share. */
export type CatalogSettings =
  | { readonly type: 'sqlite' }
  | {
      readonly type: 'postgres';
      /** `postgres://user:password@host:5432/database`, with `?sslmode=` and `sslrootcert=` where TLS is wanted. */
      readonly url: Setting;
      /**
       * A folder that every worker, server and command sees under this path: the lake's files and the staging files that the steps
       * of a run hand each other. Default: the project's state folder, which is enough for one host.
       */
      readonly sharedPath?: Setting;
    };

export interface RedisSettings {
  readonly type: 'redis';
  /** `redis://user:password@host:6379/0`, `rediss://` for TLS; one server. */
  readonly url?: Setting;
  /** Nodes of a Redis Cluster to begin with: `host:port,host:port`. */
  readonly cluster?: Setting;
  /** Redis Sentinel: the sentinels and the name of the group they watch. */
  readonly sentinel?: { readonly name: string; readonly nodes: Setting; readonly password?: Setting };
  /** Of an ACL user, where the URL does not hold them. */
  readonly username?: Setting;
  readonly password?: Setting;
  readonly tls?: boolean | TlsSettings;
  /** After this long an online read fails; default '500 milliseconds'. */
  readonly readTimeout?: Duration;
}

export type OnlineStoreSettings = { readonly type: 'lmdb' } | RedisSettings;

export interface KafkaSettings {
  readonly type: 'kafka';
  /** `host:port,host:port` */
  readonly brokers: Setting;
  readonly tls?: boolean | TlsSettings;
  readonly sasl?: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
    readonly username: Setting;
    readonly password: Setting;
  };
}

export type StreamSourceSettings = { readonly type: 'file' } | KafkaSettings;

/** @throws DefinitionError for an unknown engine, a misspelt field, a missing setting or a secret that is written down. */
export function checkCatalog(where: string, given: CatalogSettings): void {
  checkType(where, 'catalog', given, ['sqlite', 'postgres']);
  checkFields(`${where}, catalog`, given, given.type === 'sqlite' ? ['type'] : ['type', 'url', 'sharedPath']);
  if (given.type === 'sqlite') return;
  checkSetting(where, 'catalog.url', given.url, 'url');
  if (given.sharedPath !== undefined) checkSetting(where, 'catalog.sharedPath', given.sharedPath, 'text');
}

export function checkOnlineStore(where: string, given: OnlineStoreSettings): void {
  checkType(where, 'onlineStore', given, ['lmdb', 'redis']);
  const places = ['url', 'cluster', 'sentinel'] as const;
  const ofRedis = [...places, 'username', 'password', 'tls', 'readTimeout'];
  checkFields(`${where}, onlineStore`, given, given.type === 'lmdb' ? ['type'] : ['type', ...ofRedis]);
  if (given.type === 'lmdb') return;
  const chosen = places.filter((place) => given[place] !== undefined);
  if (chosen.length !== 1) {
    throw new DefinitionError(
      `onlineStore has ${chosen.length === 0 ? 'none' : chosen.join(' and ')} of url, cluster, sentinel`,
      {
        where,
        mend: "give one: url: env('ASOF_REDIS_URL')",
      },
    );
  }
  if (given.url !== undefined) checkSetting(where, 'onlineStore.url', given.url, 'url');
  if (given.cluster !== undefined) checkSetting(where, 'onlineStore.cluster', given.cluster, 'text');
  if (given.sentinel !== undefined) {
    checkFields(`${where}, onlineStore.sentinel`, given.sentinel, ['name', 'nodes', 'password']);
    checkSetting(where, 'onlineStore.sentinel.name', given.sentinel.name, 'text');
    checkSetting(where, 'onlineStore.sentinel.nodes', given.sentinel.nodes, 'text');
    if (given.sentinel.password !== undefined)
      checkSetting(where, 'onlineStore.sentinel.password', given.sentinel.password, 'secret');
  }
  if (given.username !== undefined) checkSetting(where, 'onlineStore.username', given.username, 'text');
  if (given.password !== undefined) checkSetting(where, 'onlineStore.password', given.password, 'secret');
  checkTls(where, 'onlineStore.tls', given.tls);
  if (given.readTimeout !== undefined) parseDuration(where, 'onlineStore.readTimeout', given.readTimeout);
}

export function checkStreamSource(where: string, given: StreamSourceSettings): void {
  checkType(where, 'streamSource', given, ['file', 'kafka']);
  checkFields(`${where}, streamSource`, given, given.type === 'file' ? ['type'] : ['type', 'brokers', 'tls', 'sasl']);
  if (given.type === 'file') return;
  checkSetting(where, 'streamSource.brokers', given.brokers, 'text');
  checkTls(where, 'streamSource.tls', given.tls);
  if (given.sasl === undefined) return;
  checkFields(`${where}, streamSource.sasl`, given.sasl, ['mechanism', 'username', 'password']);
  const mechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'];
  if (!mechanisms.includes(given.sasl.mechanism)) {
    throw new DefinitionError(`streamSource.sasl.mechanism "${String(given.sasl.mechanism)}" is unknown`, {
      where,
      mend: `use one of ${mechanisms.join(', ')}`,
    });
  }
  checkSetting(where, 'streamSource.sasl.username', given.sasl.username, 'text');
  checkSetting(where, 'streamSource.sasl.password', given.sasl.password, 'secret');
}

function checkType(where: string, field: string, given: { type: string }, known: readonly string[]): void {
  const type = typeof given === 'object' && given !== null ? given.type : given;
  if (known.includes(type)) return;
  throw new DefinitionError(`${field}.type "${String(type)}" is unknown`, {
    where,
    mend: `use ${known.map((each) => `{ type: '${each}' }`).join(' or ')}`,
  });
}
