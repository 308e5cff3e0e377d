import type { ConnectionOptions } from 'node:tls';
import { limits } from '../config.js';
import { type SettingsPlace, tlsOptions } from '../connection-settings.js';
import { parseDuration, type RedisSettings, readSetting, type Setting } from '../definitions/index.js';
import { DefinitionError } from '../errors.js';

/** Where Redis is and how to speak with it: settings with their values from the environment and from files. */
export interface RedisTarget {
  readonly type: 'server' | 'cluster' | 'sentinel';
  /** For people, without secrets: `Redis at cache.example.com:6379`. */
  readonly where: string;
  /** The server, nodes of the Cluster to begin with, or the sentinels. */
  readonly nodes: readonly RedisAddress[];
  readonly database: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly tls: ConnectionOptions | undefined;
  /** The group the sentinels watch. */
  readonly group: string | undefined;
  readonly sentinelPassword: string | undefined;
  readonly readTimeoutMs: number;
}

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

const field = (name: string): string => `onlineStore.${name}`;

/** @throws DefinitionError for a variable that is not set, an address that is none or a file that can't be read. */
export function redisTarget(settings: RedisSettings, place: SettingsPlace): RedisTarget {
  const read = (name: string, setting: Setting | undefined): string | undefined =>
    setting === undefined ? undefined : readSetting(place.where, field(name), setting, place.environment);
  const { sentinel, readTimeout } = settings;
  const located = locate(settings, read, place.where);
  const password = read('password', settings.password) ?? located.password;
  const username = read('username', settings.username) ?? located.username;
  if (username !== undefined && password === undefined) {
    throw new DefinitionError('onlineStore has a user name and no password', {
      where: place.where,
      mend: "give it one: password: env('ASOF_REDIS_PASSWORD')",
    });
  }
  if (located.secure && settings.tls === false) {
    throw new DefinitionError('onlineStore.url begins with rediss://, and onlineStore.tls is false', {
      where: place.where,
      mend: 'write redis://, or leave tls out',
    });
  }
  return {
    ...located,
    username,
    password,
    tls: tlsOptions(field('tls'), settings.tls ?? located.secure, place),
    sentinelPassword: read('sentinel.password', sentinel?.password),
    readTimeoutMs:
      readTimeout === undefined
        ? limits.redisReadTimeoutMs
        : parseDuration(place.where, field('readTimeout'), readTimeout),
  };
}

type Read = (name: string, setting: Setting | undefined) => string | undefined;
type Located = Pick<RedisTarget, 'type' | 'where' | 'nodes' | 'database' | 'username' | 'password' | 'group'> & {
  readonly secure: boolean;
};

function locate({ url, cluster, sentinel }: RedisSettings, read: Read, where: string): Located {
  const none = { database: 0, username: undefined, password: undefined, group: undefined, secure: false };
  if (url !== undefined) return { ...none, ...parseRedisUrl(read('url', url) ?? '', where) };
  const name = sentinel === undefined ? undefined : read('sentinel.name', sentinel.name);
  const [setting, list, port] =
    sentinel === undefined ? ['cluster', cluster, 6379] : ['sentinel.nodes', sentinel.nodes, 26_379];
  const nodes = parseNodes(
    read(setting as string, list as Setting) ?? '',
    port as number,
    field(setting as string),
    where,
  );
  const shown = nodes.map(({ host, port }) => `${host}:${port}`).join(', ');
  if (name === undefined) return { ...none, type: 'cluster', where: `Redis Cluster at ${shown}`, nodes };
  return { ...none, type: 'sentinel', where: `Redis "${name}" by the sentinels ${shown}`, nodes, group: name };
}

/** The text is never shown: it may hold a password. */
function parseRedisUrl(text: string, where: string): Omit<Located, 'group'> {
  const wrong = (why: string): DefinitionError =>
    new DefinitionError(`${field('url')} ${why}`, {
      where,
      mend: 'write redis://user:password@host:6379/0, or rediss:// for TLS',
    });
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw wrong('is no URL');
  }
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') throw wrong(`begins with ${url.protocol}//`);
  if (url.hostname === '') throw wrong('names no host');
  if (url.search !== '' || url.hash !== '') throw wrong('has parameters, which are not understood');
  const database = url.pathname.replace(/^\//, '');
  if (!/^\d{0,5}$/.test(database)) throw wrong(`has the database "${database}", which is no number`);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = url.port === '' ? 6379 : Number(url.port);
  let username: string | undefined;
  let password: string | undefined;
  try {
    username = decodeURIComponent(url.username) || undefined;
    password = decodeURIComponent(url.password) || undefined;
  } catch {
    throw wrong('has a user or password with a % that escapes nothing; a % itself is written %25');
  }
  return {
    type: 'server',
    where: `Redis at ${url.hostname}:${port}`,
    nodes: [{ host, port }],
    database: Number(database),
    username,
    password,
    secure: url.protocol === 'rediss:',
  };
}

function parseNodes(text: string, port: number, name: string, where: string): RedisAddress[] {
  return text.split(',').map((part) => {
    const found = /^\s*(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/@[\]]+))(?::(\d{1,5}))?\s*$/.exec(part);
    const host = found?.[1] ?? found?.[2];
    const given = found?.[3] === undefined ? port : Number(found[3]);
    if (host !== undefined && given > 0 && given < 65_536) return { host, port: given };
    // Not shown: somebody may have put a URL with a password there.
    throw new DefinitionError(`${name} is no list of nodes`, { where, mend: 'write host:port,host:port' });
  });
}
