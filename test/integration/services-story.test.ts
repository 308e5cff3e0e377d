import { chmodSync, existsSync } from 'node:fs';
import path from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type CliResult,
  runCli,
  type SampleProject,
  type ServingCli,
  sampleProject,
  serveCli,
  sourced,
} from '../support/cli.js';
import { lacks } from '../support/services.js';

/** A dozen commands one after the other, some of which wait for a run; the machine may be busy. */
const storyMaxMs = 400_000;
/** What runs until it is stopped; stopped again in the end also where a test broke off. */
const serving: ServingCli[] = [];

type Environment = Readonly<Record<string, string>>;

const drivers = [1001, 1002, 1003, 1004, 1005, 9].flatMap((id) => ['--key', `driver_id=${id}`]);
const features = [
  ...['driver_stats:conv_rate', 'driver_stats:acc_rate', 'driver_stats:avg_daily_trips'],
  ...['driver_stats_stream:conv_rate', 'driver_stats_stream:acc_rate'],
].join(',');
/** Drivers as of the times of their own events: both views have rows for most of them. */
const someEvents = 'SELECT driver_id, event_timestamp FROM driver_stats_stream ORDER BY ALL LIMIT 400';

interface Run {
  readonly status: string;
  readonly published: number;
  readonly steps: readonly { name: string; rowsIn: number; rowsOut: number }[];
}

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly found: string;
  readonly where?: string;
  readonly mend?: string;
}

/** The sample, whole, as a reader of the README runs it; the environment alone says on which engines. */
async function story(project: SampleProject, env: Environment) {
  const asof = async (...args: string[]): Promise<CliResult> => {
    const result = await runCli([...args, '--json'], { cwd: project.root, env });
    if (result.code !== 0) throw new Error(`asof ${args.join(' ')} ended with ${result.code}: ${result.stderr}`);
    return result;
  };
  const rows = async (...args: string[]) => (await asof(...args)).json<{ rows: object[] }>().rows;
  const run = async (...args: string[]) => {
    const { status, published, steps } = (await asof('run', ...args, '--wait')).json<Run>();
    return { status, published, steps: steps.map(({ name, rowsIn, rowsOut }) => [name, rowsIn, rowsOut]) };
  };
  const historical = ['get-historical-features', '--features', features, '--full-feature-names', '--entities'];
  await asof('apply');
  const up = await serveCli(['up', '--json'], { cwd: project.root, env });
  serving.push(up);
  try {
    const load = await run('db_to_offline_store');
    const materialize = await run('materialize_offline_to_online');
    const file = path.join('data', 'driver_stats_stream.parquet');
    const produced = await asof('stream', 'produce', 'driver_stats_stream', '--file', file, '--rate', '0');
    const stream = await run('stream_to_stores', '--args', '{"untilEnd": true}');
    return {
      load,
      again: await run('db_to_offline_store'),
      materialize,
      sent: produced.json<{ sent: number }>().sent,
      stream,
      training: await rows(...historical, 'data/driver_orders.csv'),
      events: await rows(...historical, someEvents),
      serving: await rows('get-online-features', '--service', 'driver_ranking_fresh', ...drivers),
      agrees: (await asof('verify')).json<{ agrees: boolean }>().agrees,
    };
  } finally {
    await up.stop();
  }
}

describe.skipIf(lacks('redis', 'kafka', 'postgres'))('the sample on Redis, Kafka and Postgres', () => {
  let project: SampleProject;
  let embedded: SampleProject;
  let env: Environment;
  let onServices: Awaited<ReturnType<typeof story>>;

  beforeAll(async () => {
    project = sampleProject();
    // Postgres runs as another user when this one is root.
    chmodSync(project.root, 0o755);
    embedded = sampleProject();
    serving.push(await serveCli(['services', '--json'], { cwd: project.root }));
    env = sourced(project.root);
  });
  afterAll(async () => {
    for (const each of serving.reverse()) await each.stop();
    project.close();
    embedded.close();
  });

  const checks = async (more: Environment = {}): Promise<CliResult & { checks: readonly Check[] }> => {
    const result = await runCli(['doctor', '--json'], { cwd: project.root, env: { ...env, ...more } });
    return { ...result, checks: result.json<{ checks: Check[] }>().checks };
  };

  it(
    'runs from the database and the stream to training and serving',
    async () => {
      onServices = await story(project, env);
      expect(onServices).toMatchObject({
        load: { status: 'completed', published: 1_805 },
        again: { status: 'completed', published: 0 },
        materialize: { published: 5 },
        sent: 1_807,
        stream: { status: 'completed', published: 1_807 },
        agrees: true,
      });
      expect(onServices.training).toHaveLength(10);
      expect(onServices.events).toHaveLength(400);
      expect(onServices.serving).toHaveLength(6);
      const redis = new Redis(env['ASOF_REDIS_URL'] ?? '');
      expect(await redis.dbsize()).toBeGreaterThanOrEqual(10);
      redis.disconnect();
      for (const place of ['lake/catalog.sqlite', 'online', 'streams'])
        expect([place, existsSync(path.join(project.root, '.asof', place))]).toEqual([place, false]);
    },
    storyMaxMs,
  );

  it(
    'gives what the embedded engines give: the environment alone made the difference',
    async () => {
      const { again, ...same } = await story(embedded, {});
      expect(existsSync(path.join(embedded.root, '.asof/lake/catalog.sqlite'))).toBe(true);
      // What is read again differs: a file as a whole, a table from the cursor on.
      expect(onServices).toEqual({ ...same, again: { ...again, steps: onServices.again.steps } });
    },
    storyMaxMs,
  );

  it('is told by doctor: each engine, and that it answers', async () => {
    const { code, checks: found } = await checks();
    expect(code).toBe(0);
    const told = Object.fromEntries(found.map(({ name, found: text, ok }) => [name, `${ok} ${text}`]));
    expect(told['catalog']).toMatch(/^true Postgres \d+\S* answers; DuckLake catalog of version \S+$/);
    expect(told['online store']).toMatch(/^true Redis answers/);
    expect(told['topic "drivers"']).toBe('true Kafka answers; 4 partitions, 1,807 events');
    expect(told['source "driver_stats"']).toMatch(/^true Postgres/);
  });

  it('is told by doctor: what does not answer and the mend, never a password', async () => {
    const wrong = 'a-secret-that-is-wrong';
    const swapped = (name: string, change: (url: URL) => void): string => {
      const url = new URL(env[name] ?? '');
      change(url);
      return url.href;
    };
    const result = await checks({
      ASOF_CATALOG_URL: swapped('ASOF_CATALOG_URL', (url) => {
        url.pathname = '/nowhere';
      }),
      ASOF_SOURCE_URL: swapped('ASOF_SOURCE_URL', (url) => {
        url.password = wrong;
      }),
      ASOF_REDIS_URL: swapped('ASOF_REDIS_URL', (url) => {
        url.password = wrong;
      }),
      ASOF_KAFKA_BROKERS: '127.0.0.1:1',
    });
    expect(result.code).toBe(1);
    const failed = result.checks.filter(({ ok }) => !ok);
    expect(failed.map(({ name }) => name)).toEqual([
      ...['catalog', 'online store', 'topic "drivers"', 'source "driver_stats"'],
    ]);
    const [catalog, online, topic, source] = failed;
    expect(catalog?.found).toMatch(/database "nowhere" does not exist/);
    expect(online?.found).toMatch(/password is wrong/);
    expect(topic?.found).toMatch(/Kafka does not answer/);
    expect(source?.found).toMatch(/refuses the password of user "postgres"/);
    for (const { where, mend } of failed) expect([typeof where, typeof mend]).toEqual(['string', 'string']);
    const secrets = [
      wrong,
      new URL(env['ASOF_CATALOG_URL'] ?? '').password,
      new URL(env['ASOF_REDIS_URL'] ?? '').password,
    ];
    for (const secret of secrets) expect(result.stdout + result.stderr).not.toContain(secret);
  });
});
