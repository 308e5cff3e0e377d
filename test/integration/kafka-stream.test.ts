import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { limits } from '../../src/config.js';
import { listDeadLetters } from '../../src/offline-store/dead-letters.js';
import { kafkaClient } from '../../src/stream-source/kafka-connection.js';
import { openKafkaStreamSource } from '../../src/stream-source/kafka-stream-source.js';
import type { StreamRecord } from '../../src/stream-source/stream-source.js';
import { runCli, sampleProject } from '../support/cli.js';
import { EngineServers } from '../support/engines.js';
import { lacks } from '../support/services.js';
import { type Definitions, TestStore } from '../support/store.js';
import { TestStream } from '../support/stream.js';

const minute = (n: number): string => new Date(Date.UTC(2024, 0, 1, 0, n)).toISOString();
const event = (user_id: number, n: number, a: number) => ({ user_id, at: minute(n), made: minute(n), a, b: `b${a}` });

describe.skipIf(lacks('kafka'))('a project on Kafka', { timeout: 120_000 }, () => {
  const servers = new EngineServers();
  let t: TestStore | undefined;
  let connection: { brokers: string[] };

  beforeAll(async () => {
    const { environment } = await servers.engines({ online: 'LMDB', stream: 'Kafka', catalog: 'SQLite' });
    connection = { brokers: [environment['ASOF_TEST_KAFKA'] as string] };
  }, 120_000);
  afterAll(() => servers.close());
  afterEach(async () => {
    await t?.close();
    t = undefined;
  });

  async function open(definitions: Definitions): Promise<{ t: TestStore; stream: TestStream }> {
    t = await TestStore.open(
      definitions,
      await servers.engines({ online: 'LMDB', stream: 'Kafka', catalog: 'SQLite' }),
    );
    return { t, stream: new TestStream(t, 2) };
  }

  /** Messages as producers of other languages may send them. */
  async function send(
    topic: string,
    messages: { key: string | null; value: string; headers?: Record<string, string>; timestamp?: string }[],
  ): Promise<void> {
    const producer = kafkaClient(connection).producer();
    await producer.connect();
    await producer.send({ topic, messages });
    await producer.disconnect();
  }

  const rows = (of: TestStore) =>
    of.store.lake.all<{ user_id: number; a: number | null; b: string | null }>(
      `SELECT user_id::INTEGER AS user_id, a, b FROM ${of.store.lake.table('scores')} ORDER BY user_id`,
    );

  test('a transform sees the message; rows of a file and pushed rows came in none', async () => {
    const { t, stream } = await open({
      transform: `(e: any, { key, headers, timestamp, partition, offset }: any) => ({
        a: e.a + Number(headers.boost ?? 0), b: [key, headers.source, timestamp?.toISOString(), partition !== undefined, offset].join(' ') })`,
    });
    await stream.send(event(0, 0, 0));
    const sent = { timestamp: '1700000000123' };
    await send(t.topic, [
      { key: 'k1', value: JSON.stringify(event(1, 1, 1)), headers: { boost: '10', source: 'app' }, ...sent },
    ]);
    await send(t.topic, [{ key: null, value: JSON.stringify(event(2, 1, 2)), ...sent }]);
    expect(await stream.consume()).toMatchObject({ read: 3, written: 3, deadLetters: 0 });
    const [, one, two] = await rows(t);
    expect(one).toMatchObject({ a: 11, b: expect.stringMatching(/^k1 app 2023-11-14T22:13:20.123Z true \d$/) });
    expect(two).toMatchObject({ a: 2, b: expect.stringMatching(/^ {2}2023-11-14T22:13:20.123Z true \d$/) });

    const pushed = t.writeData('pushed.ndjson', [event(3, 2, 3)]);
    await t.store.steps.push('scores', pushed, 'one');
    expect((await rows(t))[3]).toMatchObject({ user_id: 3, a: 3, b: '   false ' });
  });

  test('events of a newer schema: more fields are left out, a field of another type is a dead letter that says so', async () => {
    const { t, stream } = await open({});
    await stream.send(
      { ...event(1, 0, 1), added: { any: ['thing'] }, schema_version: 2 },
      { ...event(2, 0, 2), a: '2' },
      event(3, 0, 3),
    );
    expect(await stream.consume()).toMatchObject({ read: 3, written: 2, deadLetters: 1 });
    expect((await rows(t)).map(({ user_id, a }) => [user_id, a])).toEqual([
      [1, 1],
      [3, 3],
    ]);
    const [letter] = await listDeadLetters(t.store.lake, 'scores', 10);
    expect(letter).toMatchObject({ reason: 'field "a" is a string, not an int32', topic: t.topic });

    const many = Array.from({ length: limits.deadLetterShareJudgedFrom }, (_, n) => ({ ...event(4, n, 1), a: 'new' }));
    await stream.send(...many);
    await expect(stream.consume()).rejects.toMatchObject({
      name: 'DataError',
      message: expect.stringContaining('could not be used'),
      mend: expect.stringMatching(/dead-letters scores.*event/s),
    });
  });

  test('a topic that is not there says how to make it', async () => {
    const { t } = await open({});
    await expect(t.store.steps.consumeStream({ runId: 'r', view: 'scores' }, { sliceMs: 0 })).rejects.toMatchObject({
      name: 'DefinitionError',
      message: expect.stringContaining(`there is no topic "${t.topic}"`),
      mend: expect.stringContaining('asof stream produce'),
    });
    expect(await t.store.steps.topicLength('scores')).toBe(0);
  });

  test('a view that never read begins where its source says', async () => {
    const { t, stream } = await open({ source: "start: { timestamp: '2023-11-14T22:13:21Z' }" });
    await stream.send();
    const at = (ms: number) => ({ timestamp: String(1_700_000_000_000 + ms) });
    for (const n of [0, 1, 2, 3]) {
      await send(t.topic, [{ key: 'same', value: JSON.stringify(event(n, n, n)), ...at(n * 500) }]);
    }
    expect(await stream.consume()).toMatchObject({ read: 2, written: 2 });
    expect((await rows(t)).map(({ user_id }) => user_id)).toEqual([2, 3]);
  });

  test('asof stream produce replays the sample, keyed by the driver, at a rate, again and again', async () => {
    const project = sampleProject();
    try {
      await project.ok('apply');
      const run = (...args: string[]) =>
        runCli(['stream', 'produce', 'driver_stats_stream', '--file', 'data/driver_stats_stream.parquet', ...args], {
          cwd: project.root,
          env: { ASOF_KAFKA_BROKERS: connection.brokers.join(',') },
        });
      expect((await run('--rate', '0', '--limit', '500', '--json')).json()).toEqual({ topic: 'drivers', sent: 500 });
      expect((await run('--rate', '2000', '--loop', '--limit', '300', '--json')).json()).toEqual({
        topic: 'drivers',
        sent: 300,
      });
      const source = await openKafkaStreamSource({ connection, topic: 'drivers' });
      try {
        const ranges = await source.topicRanges();
        expect(ranges).toHaveLength(4);
        expect(ranges.reduce((sum, { end }) => sum + end, 0)).toBe(800);
        await source.seek(new Map(ranges.map(({ partition, start }) => [partition, start])));
        const records: StreamRecord[] = [];
        while (records.length < 800) {
          records.push(...(await source.poll({ rowsMax: 1_000, bytesMax: 1 << 20, waitMs: 5_000 })));
        }
        const homes = new Map<string, Set<number>>();
        for (const { key, value, partition } of records) {
          const { driver_id } = JSON.parse(Buffer.from(value ?? []).toString()) as { driver_id: number };
          expect(Buffer.from(key ?? []).toString()).toBe(String(driver_id));
          homes.set(String(driver_id), (homes.get(String(driver_id)) ?? new Set()).add(partition));
        }
        expect([...homes.values()].every((partitions) => partitions.size === 1)).toBe(true);
      } finally {
        await source.close();
      }
    } finally {
      project.close();
    }
  });
});
