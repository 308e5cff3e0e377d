import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, Producer } from 'kafkajs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { limits } from '../../src/config.js';
import { kafkaClient } from '../../src/stream-source/kafka-connection.js';
import { openKafkaStreamProducer } from '../../src/stream-source/kafka-stream-producer.js';
import { openKafkaStreamSource } from '../../src/stream-source/kafka-stream-source.js';
import type { StreamRecord, StreamSource } from '../../src/stream-source/stream-source.js';
import { lacks, startKafka, type TestServer } from '../support/services.js';

const some = { rowsMax: 10_000, bytesMax: 8 << 20, waitMs: 2_000 };
const text = ({ value }: StreamRecord): string => Buffer.from(value ?? []).toString();

describe.skipIf(lacks('kafka'))("a Kafka topic's records", { timeout: 60_000 }, () => {
  let broker: TestServer;
  let admin: Admin;
  let topic: string;
  const closing: { close(): Promise<void> }[] = [];
  const connection = () => ({ brokers: [`127.0.0.1:${broker.port}`] });

  beforeAll(async () => {
    broker = await startKafka({
      'log.cleaner.backoff.ms': '100',
      // So that the broker's own compressors see large batches too.
      'message.max.bytes': '4194304',
    });
    admin = kafkaClient(connection()).admin();
    await admin.connect();
  }, 120_000);
  afterAll(async () => {
    await admin?.disconnect();
    await broker?.close();
  });
  beforeEach(() => {
    topic = `t-${randomUUID()}`;
  });
  afterEach(async () => {
    for (const thing of closing.splice(0).reverse()) await thing.close();
  });

  async function makeTopic(config: Readonly<Record<string, string>> = {}, partitions = 1): Promise<void> {
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
    await admin.createTopics({ topics: [{ topic, numPartitions: partitions, configEntries }], waitForLeaders: false });
    // Waits until the brokers know of it.
    closing.push(await openKafkaStreamProducer({ connection: connection(), topic, partitions }));
  }

  async function producer(options: { transactionalId?: string } = {}): Promise<Producer> {
    const raw = kafkaClient(connection()).producer({ idempotent: true, maxInFlightRequests: 1, ...options });
    await raw.connect();
    closing.push({ close: () => raw.disconnect() });
    return raw;
  }

  async function reader(): Promise<StreamSource> {
    const source = await openKafkaStreamSource({ connection: connection(), topic });
    closing.push(source);
    await source.seek(new Map((await source.partitions()).map(({ partition, start }) => [partition, start])));
    return source;
  }

  async function readAll(source: StreamSource, count: number): Promise<StreamRecord[]> {
    const records: StreamRecord[] = [];
    while (records.length < count) {
      const more = await source.poll(some);
      if (more.length === 0) break;
      records.push(...more);
    }
    return records;
  }

  // Kafka compresses what it stores by the topic's setting: these are Java's compressors and their framing.
  test.each(['gzip', 'snappy', 'lz4', 'zstd'])('are read from batches that Kafka compressed with %s', async (codec) => {
    await makeTopic({ 'compression.type': codec });
    const raw = await producer();
    // Repeating and random, tiny and large, many blocks of a compressor's frame.
    const random = Array.from({ length: 400 }, () => randomUUID()).join('');
    const values = [
      ...Array.from({ length: 500 }, (_, n) => JSON.stringify({ n, note: 'the same words again and again' })),
      JSON.stringify({ random, zeros: '0'.repeat(300_000) }),
      'ü€😀',
    ];
    await raw.send({ topic, messages: values.map((value, n) => ({ key: `k${n}`, value, headers: { n: `${n}` } })) });
    await raw.send({ topic, messages: [{ value: 'alone' }] });
    const log = readFileSync(
      path.join(broker.directory, 'server', 'data', `${topic}-0`, `${'0'.padStart(20, '0')}.log`),
    );
    // The attributes of a batch, of which three bits say how it is compressed.
    expect(log.readInt16BE(21) & 7).toBe({ gzip: 1, snappy: 2, lz4: 3, zstd: 4 }[codec]);
    const source = await reader();
    const records = await readAll(source, values.length + 1);
    expect(records.map(text)).toEqual([...values, 'alone']);
    expect(records.map(({ offset }) => offset)).toEqual(records.map((_, offset) => offset));
    // From the middle of a batch: what lies before is left out.
    await source.seek(new Map([[0, 250]]));
    expect(text((await source.poll({ ...some, rowsMax: 1 }))[0] as StreamRecord)).toBe(values[250]);
  });

  test('of transactions come when they are committed; markers and aborted ones are passed over, also at the end', async () => {
    await makeTopic();
    const raw = await producer({ transactionalId: randomUUID() });
    const transact = async (values: readonly string[], end: 'commit' | 'abort'): Promise<void> => {
      const transaction = await raw.transaction();
      await transaction.send({ topic, messages: values.map((value) => ({ value })) });
      await transaction[end]();
    };
    await transact(['a', 'b'], 'commit');
    await transact(['no', 'no'], 'abort');
    await transact(['c'], 'commit');
    for (let n = 0; n < 5; n += 1) await transact(['no'], 'abort');
    const open = await raw.transaction();
    await open.send({ topic, messages: [{ value: 'd' }] });

    const source = await reader();
    const records = await readAll(source, 3);
    expect(records.map(text)).toEqual(['a', 'b', 'c']);
    expect(records.map(({ offset }) => offset)).toEqual([0, 1, 6]);
    expect(await source.poll({ ...some, waitMs: 300 })).toEqual([]);
    await open.commit();
    const [last] = await readAll(source, 1);
    expect([text(last as StreamRecord), last?.offset]).toEqual(['d', 18]);
    for (let n = 0; n < 3; n += 1) await transact(['no'], 'abort');
    // Nothing but aborted transactions up to the end: a reader of records is at its end where its last record ended.
    const atEnd = async (): Promise<boolean> => {
      expect(await source.poll({ ...some, waitMs: 100 })).toEqual([]);
      return (await source.partitions())[0]?.end === last?.nextOffset;
    };
    for (let tries = 0; !(await atEnd()); tries += 1) expect(tries).toBeLessThan(100);
    await source.seek(new Map([[0, last?.nextOffset ?? -1]]));
    await transact(['e'], 'commit');
    expect((await readAll(source, 1)).map(text)).toEqual(['e']);
  });

  test('that compaction took away are no gap', async () => {
    await makeTopic({
      'cleanup.policy': 'compact',
      'min.cleanable.dirty.ratio': '0.01',
      'segment.ms': '100',
      'max.compaction.lag.ms': '100',
    });
    const raw = await producer();
    for (let n = 0; n < 20; n += 1) {
      await raw.send({
        topic,
        messages: [0, 1, 2].map((i) => ({ key: n % 2 === 0 ? 'same' : `own-${n}`, value: `${n}.${i}` })),
      });
    }
    const kept = [...Array.from({ length: 10 }, (_, i) => `${2 * i + 1}.2`), '18.2'].sort();
    for (let tries = 0; ; tries += 1) {
      // A new segment lets the cleaner have the one before.
      await raw.send({ topic, messages: [{ key: 'last', value: 'last' }] });
      const source = await openKafkaStreamSource({ connection: connection(), topic });
      try {
        const [range] = await source.partitions();
        await source.seek(new Map([[0, range?.start ?? 0]]));
        const records = await readAll(source, range?.end ?? 0);
        const offsets = records.map(({ offset }) => offset);
        expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
        const values = records.map(text).filter((value) => value !== 'last');
        expect(values).toEqual(expect.arrayContaining(kept));
        if (values.length === kept.length) {
          // Sought into the gap, reading goes on after it.
          await source.seek(new Map([[0, 1]]));
          expect(text((await source.poll({ ...some, rowsMax: 1 }))[0] as StreamRecord)).toBe('1.2');
          break;
        }
      } finally {
        await source.close();
      }
      expect(tries).toBeLessThan(100);
      await sleep(200);
    }
  });

  test('bring key, headers and time; tombstones and missing keys are null', async () => {
    await makeTopic();
    const raw = await producer();
    const timestamp = '1700000000123';
    await raw.send({
      topic,
      messages: [
        { key: 'driver-1', value: '{}', timestamp, headers: { source: 'app', twice: ['a', 'b'], empty: '' } },
        { key: null, value: '{}', timestamp },
        { key: 'gone', value: null, timestamp },
      ],
    });
    const records = await readAll(await reader(), 3);
    expect(
      records.map(({ key, value, headers, timestampMs }) => [key?.toString(), value?.toString(), headers, timestampMs]),
    ).toEqual([
      ['driver-1', '{}', { source: 'app', twice: 'b', empty: '' }, 1_700_000_000_123],
      [undefined, '{}', undefined, 1_700_000_000_123],
      ['gone', undefined, undefined, 1_700_000_000_123],
    ]);
    expect(records[2]?.value).toBeNull();
    expect(records[1]?.key).toBeNull();
  });

  test('are found by the time they were sent', async () => {
    await makeTopic({}, 2);
    const raw = await producer();
    const at = (ms: number) => ({ value: '{}', timestamp: String(ms) });
    await raw.send({ topic, messages: [1_000, 2_000, 3_000].map((ms) => ({ ...at(ms), partition: 0 })) });
    await raw.send({ topic, messages: [{ ...at(1_500), partition: 1 }] });
    const source = await reader();
    expect(await source.offsetsAt(new Date(1_500))).toEqual(new Map([[0, 1], [1, 0]])); // biome-ignore format: one line
    expect(await source.offsetsAt(new Date(2_001))).toEqual(new Map([[0, 2], [1, 1]])); // biome-ignore format: one line
    expect(await source.offsetsAt(new Date(0))).toEqual(new Map([[0, 0], [1, 0]])); // biome-ignore format: one line
  });

  test('of a megabyte come whole, a larger one by its size alone', async () => {
    await makeTopic();
    const whole = 'x'.repeat(limits.streamEventBytesMax);
    const own = await openKafkaStreamProducer({ connection: connection(), topic });
    closing.push(own);
    await own.send([
      { key: 'a', value: whole },
      { key: 'a', value: `${whole}y` },
      { key: 'a', value: 'z' },
    ]);
    const records = await readAll(await reader(), 3);
    expect(records.map(({ value, oversized }) => [value?.length, oversized])).toEqual([
      [limits.streamEventBytesMax, undefined],
      [undefined, limits.streamEventBytesMax + 1],
      [1, undefined],
    ]);
  });

  describe('that are sent', () => {
    test('go to the partition Java would choose by the key', async () => {
      const own = await openKafkaStreamProducer({ connection: connection(), topic });
      closing.push(own);
      // Of org.apache.kafka.common.utils.Utils.toPositive(murmur2(key)) % 4.
      const known = { 1001: 0, 1002: 3, 21: 0, foobar: 2 };
      await own.send(Object.keys(known).map((key) => ({ key, value: JSON.stringify(key) })));
      const records = await readAll(await reader(), 4);
      expect(Object.fromEntries(records.map((record) => [JSON.parse(text(record)), record.partition]))).toEqual(known);
    });

    test('are cut to what a broker takes; an event that is too large for it says what to do', async () => {
      await makeTopic({ 'max.message.bytes': '1048588' });
      const own = await openKafkaStreamProducer({ connection: connection(), topic });
      closing.push(own);
      const value = JSON.stringify('x'.repeat(100_000));
      await own.send(Array.from({ length: 40 }, () => ({ key: 'same', value })));
      expect(await readAll(await reader(), 40)).toHaveLength(40);
      await expect(own.send([{ key: 'k', value: 'x'.repeat(2_000_000) }])).rejects.toMatchObject({
        name: 'DataError',
        mend: expect.stringContaining('max.message.bytes'),
      });
      await expect(own.send([{ key: 'k', value: '  ' }])).rejects.toMatchObject({ name: 'DataError' });
    });
  });
});
