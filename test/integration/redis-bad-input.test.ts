import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { inspect } from 'node:util';
import { generate } from 'selfsigned';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RedisSettings } from '../../src/definitions/index.js';
import { describeError } from '../../src/errors.js';
import type { OnlineStore } from '../../src/online-store/online-store.js';
import { freePort } from '../../src/toolchain/free-port.js';
import { allKeys, eventually, redisCli, redisStore } from '../support/redis.js';
import {
  lacks,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
  type TestRedisSentinel,
  type TestServer,
} from '../support/services.js';

const password = 'the-right-one';
const wrong = 'not-the-right-one';
const fromEnv = (env: string) => ({ env, fallback: undefined });
const given = fromEnv('ASOF_TEST_REDIS_PASSWORD');
const givenWrong = fromEnv('ASOF_TEST_REDIS_WRONG');
process.env['ASOF_TEST_REDIS_PASSWORD'] = password;
process.env['ASOF_TEST_REDIS_WRONG'] = wrong;

let store: OnlineStore;
afterEach(() => store?.close());

const read = () => store.read([{ table: { view: 'v', generation: 1, ttlMs: 0 }, keys: [Buffer.from('a')] }]);
const write = () => store.setNote('v', 'name', 'text');

/** What somebody is told, who only reads or only writes: both the same, and never a secret in it. */
async function told(settings: Omit<RedisSettings, 'type'>, of: 'both' | 'write' = 'both'): Promise<string> {
  store = redisStore(settings);
  const texts: string[] = [];
  for (const work of of === 'both' ? [read, write] : [write]) {
    const error = await work().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeDefined();
    for (const secret of [password, wrong])
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(secret);
    texts.push(`${(error as Error).name}: ${describeError(error)}`);
  }
  expect(new Set(texts).size).toBe(1);
  return texts[0] as string;
}

describe.skipIf(lacks('redis'))('settings of Redis that do not fit', () => {
  let redis: TestServer;
  let url: string;
  const asAdmin = async (...command: [string, ...string[]]): Promise<unknown> => {
    const cli = redisCli(redis.port, { password });
    try {
      return await cli.call(...command);
    } finally {
      cli.disconnect();
    }
  };
  beforeAll(async () => {
    redis = await startRedis(['--requirepass', password]);
    url = `redis://127.0.0.1:${redis.port}`;
  });
  afterAll(() => redis?.close());

  it('a wrong password, or none', async () => {
    expect(await told({ url, password: givenWrong })).toMatch(
      /^DefinitionError: Redis at .*password is wrong\n.*correct/,
    );
    expect(await told({ url, username: 'nobody', password: given })).toMatch(
      /^DefinitionError: .*user name or the password/,
    );
    expect(await told({ url })).toMatch(/^DefinitionError: .*asks for a password.*\n.*env\('ASOF_REDIS_PASSWORD'\)/);
    process.env['ASOF_TEST_REDIS_URL'] = `redis://:${wrong}@127.0.0.1:${redis.port}`;
    expect(await told({ url: fromEnv('ASOF_TEST_REDIS_URL') })).toMatch(/^DefinitionError: .*password is wrong/);
    const cluster = `127.0.0.1:${redis.port}`;
    expect(await told({ cluster, password: givenWrong })).toMatch(
      /^DefinitionError: Redis Cluster at .*password is wrong/,
    );
  });

  it('a user who may not do what is needed; with what the error lists, everything works', async () => {
    await asAdmin('ACL', 'SETUSER', 'app', 'on', `>${password}`, '~asof:test:*', '+@all', '-evalsha', '-eval', '-hset');
    const error = await told({ url, username: 'app', password: given }, 'write');
    expect(error).toMatch(/^DefinitionError: .*may not do what is needed \(NOPERM.*hset/);
    await store.close();

    const permissions = /ACL SETUSER <user> ~asof:<project>:\* ([^(]*) \(/.exec(error)?.[1]?.split(' ') ?? [];
    expect(permissions.length).toBeGreaterThan(8);
    await asAdmin('ACL', 'SETUSER', 'app', 'reset', 'on', `>${password}`, '~asof:test:*', ...permissions);
    store = redisStore({ url, username: 'app', password: given });
    await write();
    await read();
    const table = { view: 'v', generation: 1, ttlMs: 1_000 };
    expect(await store.writeNewer(table, [])).toEqual({ written: 0, stale: 0 });
    const entry = { key: Buffer.from('a'), row: Buffer.concat([Buffer.from([1]), Buffer.alloc(80)]) };
    expect(await store.writeNewer(table, [entry])).toEqual({ written: 0, stale: 1 });
    expect(await store.replace({ ...table, ttlMs: 0 }, [entry], 1)).toMatchObject({ written: 1 });
    expect(await store.sweep(table, 2)).toEqual({ deleted: 1 });
    await store.setMark('v', 'm', 'x');
    expect(await store.getMark('v', 'm')).toBe('x');
    await store.servers();
    for await (const _ of store.scan(table)) break;
    await store.dropView('v');
    await store.dropProject();
    await store.close();
    store = redisStore({ url, username: 'app', password: given }, 'another');
    await expect(write()).rejects.toThrow(/may not do what is needed/);
  });

  it('an unknown host, a port where nobody listens', async () => {
    expect(await told({ url: 'redis://nowhere.invalid:6379' })).toMatch(
      /^StoreUnavailableError: Redis at nowhere.invalid:6379: the host is unknown/,
    );
    expect(await told({ cluster: 'nowhere.invalid' })).toMatch(/^StoreUnavailableError: .*the host is unknown/);
    const port = await freePort(0);
    for (const settings of [
      { url: `redis://127.0.0.1:${port}` },
      { cluster: `127.0.0.1:${port}` },
      { sentinel: { name: 'x', nodes: `127.0.0.1:${port}` } },
    ]) {
      expect(await told(settings)).toMatch(/^StoreUnavailableError: .*can't be reached.*ECONNREFUSED.*\n.*start it/);
    }
  });

  it('a database the server does not have; nothing goes to another one', async () => {
    expect(await told({ url: `${url}/99`, password: given })).toMatch(/^DefinitionError: .*no database of that number/);
    const cli = redisCli(redis.port, { password });
    expect(await allKeys(cli)).toEqual([]);
    cli.disconnect();
  });

  it('a single server named as Cluster, and the other way round', async () => {
    expect(await told({ cluster: `127.0.0.1:${redis.port}`, password: given })).toMatch(
      /^DefinitionError: .*no node of a Cluster\n.*onlineStore.url/,
    );
    const cluster = await startRedisCluster();
    const node = (cluster.nodes[0] as TestServer).port;
    expect(await told({ url: `redis://127.0.0.1:${node}` })).toMatch(
      /^DefinitionError: .*is a node of a Cluster\n.*onlineStore.cluster/,
    );
    await cluster.close();
  });

  it('a server that would drop rows when its memory is full: it is read, not written', async () => {
    await asAdmin('CONFIG', 'SET', 'maxmemory', '100mb');
    try {
      for (const policy of ['allkeys-lru', 'volatile-ttl']) {
        await asAdmin('CONFIG', 'SET', 'maxmemory-policy', policy);
        expect(await told({ url, password: given }, 'write')).toMatch(
          new RegExp(`^DefinitionError: .*drops keys.*${policy}.*\\n.*CONFIG SET maxmemory-policy noeviction`),
        );
        expect(await read()).toEqual([[undefined]]);
      }
      await asAdmin('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
      await write();
    } finally {
      await asAdmin('CONFIG', 'SET', 'maxmemory', '0');
    }
  });

  it('a read-only replica: it is read, not written', async () => {
    const replica = await startRedis(['--replicaof', '127.0.0.1', String(redis.port), '--masterauth', password]);
    try {
      expect(await told({ url: `redis://127.0.0.1:${replica.port}` }, 'write')).toMatch(
        /^StoreUnavailableError: .*read-only replica\n.*master/,
      );
      expect(await read()).toEqual([[undefined]]);
    } finally {
      await replica.close();
    }
  });

  it('a master that becomes a replica while it is used', async () => {
    const other = await startRedis();
    try {
      store = redisStore({ url: `redis://127.0.0.1:${other.port}` });
      await write();
      const cli = redisCli(other.port);
      await cli.call('REPLICAOF', '127.0.0.1', '1');
      await expect(write()).rejects.toThrow(/read-only replica/);
      await cli.call('REPLICAOF', 'NO', 'ONE');
      cli.disconnect();
      await write();
    } finally {
      await other.close();
    }
  });

  it('a server kept busy by a script of somebody, until it is ended', async () => {
    const other = await startRedis(['--busy-reply-threshold', '50']);
    const [busy, cli] = [redisCli(other.port), redisCli(other.port)];
    try {
      store = redisStore({ url: `redis://127.0.0.1:${other.port}` });
      await write();
      const running = busy.eval('while true do end', 0).catch(() => undefined);
      await eventually(() => expect(write()).rejects.toThrow(/busy/));
      await cli.call('SCRIPT', 'KILL');
      await running;
      await write();
    } finally {
      busy.disconnect();
      cli.disconnect();
      await other.close();
    }
  });
});

describe.skipIf(lacks('redis'))('Redis with TLS', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'asof-tls-'));
  let redis: TestServer;
  let plain: number;
  let secure: number;
  const tls = { ca: path.join(folder, 'cert.pem') };
  const client = { cert: path.join(folder, 'cert.pem'), key: path.join(folder, 'key.pem') };
  beforeAll(async () => {
    const pem = await generate([{ name: 'commonName', value: 'localhost' }], {
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
    });
    writeFileSync(client.cert, pem.cert);
    writeFileSync(client.key, pem.private);
    secure = await freePort(0);
    const files = ['--tls-cert-file', client.cert, '--tls-key-file', client.key, '--tls-ca-cert-file', client.cert];
    redis = await startRedis(['--tls-port', String(secure), ...files]);
    plain = redis.port;
  });
  afterAll(async () => {
    await redis?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('works with the certificates it asks for, also by another name', async () => {
    store = redisStore({ url: `rediss://localhost:${secure}`, tls: { ...tls, ...client } });
    await write();
    await read();
    await store.close();
    store = redisStore({ url: `redis://127.0.0.1:${secure}`, tls: { ...tls, ...client, serverName: 'localhost' } });
    expect(await store.getNote('v', 'name')).toBe('text');
  });

  it('says which certificate is wrong', async () => {
    expect(await told({ url: `rediss://localhost:${secure}` })).toMatch(
      /^DefinitionError: .*not trusted.*\n.*onlineStore.tls.ca/,
    );
    expect(await told({ url: `rediss://127.0.0.1:${secure}`, tls: { ...tls, ...client } })).toMatch(
      /^DefinitionError: .*of another host\n.*onlineStore.tls.serverName/,
    );
    // How the server hangs up is told in one of two ways.
    expect(await told({ url: `rediss://localhost:${secure}`, tls }, 'write')).toMatch(/onlineStore.tls.cert/);
  });

  it('says that a port does not speak TLS, or that it does', async () => {
    const patient = { readTimeout: '5 seconds' } as const;
    expect(await told({ url: `rediss://127.0.0.1:${plain}`, tls, ...patient }, 'write')).toMatch(
      /^DefinitionError: .*TLS is on, and the port does not speak it/,
    );
    await expect(read()).rejects.toThrow(/does not speak it/);
    expect(await told({ url: `redis://localhost:${secure}` })).toMatch(
      /^DefinitionError: .*speaks TLS, and TLS is off\n.*rediss/,
    );
  });
});

describe.skipIf(lacks('redis'))('settings of sentinels that do not fit', () => {
  let group: TestRedisSentinel;
  beforeAll(async () => {
    group = await startRedisSentinel(password);
  });
  afterAll(() => group?.close());

  it('an unknown group, a wrong password of the master', async () => {
    const nodes = group.addresses;
    expect(await told({ sentinel: { name: 'other', nodes }, password: given })).toMatch(
      /^StoreUnavailableError: Redis "other" by the sentinels .*No such master.*\n.*name of the group/,
    );
    expect(await told({ sentinel: { name: group.name, nodes }, password: givenWrong })).toMatch(
      /^DefinitionError: .*password is wrong/,
    );
  });
});
