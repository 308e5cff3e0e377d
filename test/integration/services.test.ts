import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import kafkajs from 'kafkajs';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findRedisServer } from '../../src/toolchain/services/index.js';
import {
  expectRefused,
  runCli,
  type SampleProject,
  type ServingCli,
  sampleProject,
  serveCli,
  sourced,
} from '../support/cli.js';
import { lacks } from '../support/services.js';

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // One that ended stays in the table until its parent asks for it.
    return process.platform !== 'linux' || !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows as unknown[];
  } finally {
    await client.end();
  }
}

async function redisSays<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  // What fails is told by the command that needed the connection.
  redis.on('error', () => undefined);
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

async function topicsOf(brokers: string): Promise<string[]> {
  const admin = new kafkajs.Kafka({ brokers: [brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    return await admin.listTopics();
  } finally {
    await admin.disconnect();
  }
}

const pidsOf = ({ said }: ServingCli): number[] =>
  Object.values(said['services'] as Record<string, { pid: number }>).map(({ pid }) => pid);

describe.skipIf(lacks('redis', 'kafka', 'postgres'))('asof services', () => {
  let project: SampleProject;
  let serving: ServingCli | undefined;
  const start = async (...args: string[]): Promise<ServingCli> => {
    serving = await serveCli(['services', '--json', ...args], { cwd: project.root });
    return serving;
  };

  beforeAll(() => {
    project = sampleProject();
    chmodSync(project.root, 0o755);
  });
  afterEach(async () => {
    await serving?.stop();
    serving = undefined;
  });
  afterAll(() => project.close());

  it('runs all three, seeded, until Ctrl-C; the data, ports and passwords are there after the next start', async () => {
    const first = await start();
    const env = sourced(project.root);
    expect(Object.keys(env)).toEqual([
      ...['ASOF_CATALOG_URL', 'ASOF_SHARED_PATH', 'ASOF_SOURCE_URL', 'ASOF_REDIS_URL', 'ASOF_KAFKA_BROKERS'],
    ]);
    for (const file of ['env', 'settings.json', 'running.json', 'redis/secrets.conf'])
      expect([file, statSync(path.join(project.root, '.asof/services', file)).mode & 0o777]).toEqual([file, 0o600]);
    expect(JSON.stringify(first.said)).not.toContain(new URL(env['ASOF_REDIS_URL'] ?? '').password);

    const rows = await query(env['ASOF_SOURCE_URL'] ?? '', 'SELECT count(*)::int AS n FROM driver_stats');
    expect(rows).toEqual([{ n: 1_807 }]);
    expect(await query(env['ASOF_CATALOG_URL'] ?? '', 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await redisSays(env['ASOF_REDIS_URL'] ?? '', (redis) => redis.set('kept', 'yes'));
    const { host } = new URL(env['ASOF_REDIS_URL'] ?? '');
    await expect(redisSays(`redis://${host}`, (redis) => redis.get('kept'))).rejects.toThrow(/NOAUTH/);
    expect(await redisSays(env['ASOF_REDIS_URL'] ?? '', (redis) => redis.config('GET', 'maxmemory-policy'))).toEqual([
      'maxmemory-policy',
      'noeviction',
    ]);

    expect(await topicsOf(env['ASOF_KAFKA_BROKERS'] ?? '')).toContain('drivers');

    const second = await runCli(['services'], { cwd: project.root });
    expectRefused(second, 4, /run already, started by process \d+/, /source .*services\/env/);
    const pids = pidsOf(first);
    expect(pids.map(isAlive)).toEqual([true, true, true]);
    expect(await first.stop()).toBe(0);
    expect(pids.map(isAlive)).toEqual([false, false, false]);
    expect(existsSync(path.join(project.root, '.asof/services/running.json'))).toBe(false);

    await start();
    expect(sourced(project.root)).toEqual(env);
    expect(await redisSays(env['ASOF_REDIS_URL'] ?? '', (redis) => redis.get('kept'))).toBe('yes');
    expect(await query(env['ASOF_SOURCE_URL'] ?? '', 'SELECT count(*)::int AS n FROM driver_stats')).toEqual(rows);
  });

  it('ends what a killed start left running, and starts anew on the same data', async () => {
    const killed = await start('--only', 'redis,postgres');
    const pids = pidsOf(killed);
    killed.child.kill('SIGKILL');
    await once(killed.child, 'exit');
    expect(pids.map(isAlive)).toEqual([true, true]);
    const next = await start('--only', 'postgres,redis');
    expect(pids.map(isAlive)).toEqual([false, false]);
    expect(pidsOf(next).map(isAlive)).toEqual([true, true]);
    expect(Object.keys(sourced(project.root))).not.toContain('ASOF_KAFKA_BROKERS');
    expect(await redisSays(sourced(project.root)['ASOF_REDIS_URL'] ?? '', (redis) => redis.get('kept'))).toBe('yes');
  });

  it('ends, and says why, when one of them ends by itself', async () => {
    const { child, said } = await start('--only', 'redis,postgres');
    const { redis, postgres } = said['services'] as Record<string, { pid: number }>;
    let stderr = '';
    child.stderr?.on('data', (data: Buffer) => (stderr += data.toString()));
    process.kill(redis?.pid ?? 0, 'SIGKILL');
    await once(child, 'exit');
    expect(child.exitCode).toBe(4);
    expect(stderr).toMatch(/Redis ended by itself/);
    expect(isAlive(postgres?.pid ?? 0)).toBe(false);
  });

  it('names the service that can not be had, with the mend, and stops the others', async () => {
    const bin = mkdtempSync(path.join(os.tmpdir(), 'asof-bin-'));
    symlinkSync(realpathSync(findRedisServer() ?? ''), path.join(bin, 'redis-server'));
    const env = { PATH: bin, JAVA_HOME: '', ASOF_REDIS_SERVER: path.join(bin, 'redis-server') };
    const refused = await runCli(['services'], { cwd: project.root, env });
    expectRefused(refused, 4, /Kafka needs Java, which is not here/, /install a Java runtime/);
    const { redis } = JSON.parse(readFileSync(path.join(project.root, '.asof/services/settings.json'), 'utf8')) as {
      redis: { port: number; password: string };
    };
    await expect(
      redisSays(`redis://:${redis.password}@127.0.0.1:${redis.port}`, (client) => client.ping()),
    ).rejects.toThrow(/Connection is closed|ECONNREFUSED/);
    rmSync(bin, { recursive: true });
  });

  it('does not start on Postgres data whose password is lost', async () => {
    rmSync(path.join(project.root, '.asof/services/settings.json'));
    const refused = await runCli(['services', '--only', 'postgres'], { cwd: project.root });
    expectRefused(refused, 4, /settings\.json: the password of the Postgres in this folder is lost/, /delete/);
  });

  it('refuses a service it does not know', async () => {
    const refused = await runCli(['services', '--only', 'redis,mysql'], { cwd: project.root });
    expectRefused(refused, 2, /no service "mysql"/, /redis, kafka, postgres/);
  });
});

describe.skipIf(lacks('postgres') || process.getuid?.() !== 0)('asof services as root', () => {
  it('keeps the data of Postgres, whose user may not enter the project, where that user can be', async () => {
    const closed = mkdtempSync(path.join(os.tmpdir(), 'asof-closed-'));
    chmodSync(closed, 0o700);
    mkdirSync(path.join(closed, 'project'));
    const project = sampleProject(path.join(closed, 'project'));
    let data: string | undefined;
    try {
      const serving = await serveCli(['services', '--json', '--only', 'postgres'], { cwd: project.root });
      try {
        data = realpathSync(path.join(project.root, '.asof/services/postgres'));
        expect(data.startsWith(closed)).toBe(false);
        const url = sourced(project.root)['ASOF_SOURCE_URL'] ?? '';
        expect(await query(url, 'SELECT count(*)::int AS n FROM driver_stats')).toEqual([{ n: 1_807 }]);
      } finally {
        await serving.stop();
      }
    } finally {
      if (data !== undefined) rmSync(data, { recursive: true });
      rmSync(closed, { recursive: true });
    }
  });
});
