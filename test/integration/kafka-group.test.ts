import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { StoreUnavailableError } from '../../src/errors.js';
import { kafkaClient } from '../../src/stream-source/kafka-connection.js';
import { openKafkaStreamProducer } from '../../src/stream-source/kafka-stream-producer.js';
import { openKafkaStreamSource } from '../../src/stream-source/kafka-stream-source.js';
import type { StreamProducer, StreamRecord, StreamSource } from '../../src/stream-source/stream-source.js';
import { builtProgram } from '../support/build.js';
import { lacks, startKafka, type TestServer } from '../support/services.js';

const some = { rowsMax: 1_000, bytesMax: 1 << 20, waitMs: 2_000 };
const long = { ...some, waitMs: 60_000 };
const text = ({ value }: StreamRecord): string => Buffer.from(value ?? []).toString();

describe.skipIf(lacks('kafka'))('a Kafka consumer group', { timeout: 120_000 }, () => {
  let broker: TestServer;
  let admin: Admin;
  let topic: string;
  let group: string;
  let producer: StreamProducer;
  const closing: { close(): Promise<void> }[] = [];

  const connection = () => ({ brokers: [`127.0.0.1:${broker.port}`] });

  beforeAll(async () => {
    broker = await startKafka();
    admin = kafkaClient(connection()).admin();
    await admin.connect();
  }, 120_000);
  afterAll(async () => {
    await admin?.disconnect();
    await broker?.close();
  });
  beforeEach(() => {
    topic = `t-${randomUUID()}`;
    group = `g-${randomUUID()}`;
  });
  afterEach(async () => {
    for (const thing of closing.splice(0).reverse()) await thing.close();
  });

  async function makeTopic(partitions: number): Promise<void> {
    producer = await openKafkaStreamProducer({ connection: connection(), topic, partitions });
    closing.push(producer);
  }

  /** Numbered events for one partition. */
  const send = async (partition: number, from: number, count: number, size = 0): Promise<void> => {
    const raw = kafkaClient(connection()).producer({ idempotent: true });
    await raw.connect();
    const filler = 'x'.repeat(size);
    for (let n = from; n < from + count; n += 1) {
      await raw.send({ topic, messages: [{ partition, value: `${n}${filler === '' ? '' : ` ${filler}`}` }] });
    }
    await raw.disconnect();
  };

  async function member(): Promise<StreamSource> {
    const source = await openKafkaStreamSource({ connection: connection(), topic, group });
    closing.push(source);
    return source;
  }

  /** Takes over what it is assigned, from the start or where `positions` says; returns its partitions. */
  async function take(source: StreamSource, positions: ReadonlyMap<number, number> = new Map()): Promise<number[]> {
    const ranges = await source.partitions();
    await source.seek(new Map(ranges.map(({ partition, start }) => [partition, positions.get(partition) ?? start])));
    return ranges.map(({ partition }) => partition);
  }

  /** Waits for the group to settle with all partitions shared out among these, each told what it has. */
  async function settled(sources: readonly StreamSource[], partitions: number): Promise<number[][]> {
    for (;;) {
      const shares = await Promise.all(
        sources.map(async (source) => (await source.partitions()).map((r) => r.partition)),
      );
      if (new Set(shares.flat()).size === partitions && shares.flat().length === partitions) return shares;
      await sleep(50);
    }
  }

  test('a second member takes a share and gives it back; a poll that waits ends, empty', async () => {
    await makeTopic(4);
    const one = await member();
    expect(await take(one)).toEqual([0, 1, 2, 3]);
    const before = one.assignment;
    expect(before).toBeGreaterThan(0);
    const waiting = one.poll(long);
    const two = await member();
    const shareOfTwo = two.partitions();
    expect(await waiting).toEqual([]);
    expect(one.assignment).toBeGreaterThan(before);
    await shareOfTwo;
    const [first, second] = await settled([one, two], 4);
    expect([first?.length, second?.length]).toEqual([2, 2]);

    await send(0, 0, 3);
    await send(1, 0, 3);
    await send(2, 0, 3);
    await send(3, 0, 3);
    // Of the new assignment nothing comes before it was sought.
    expect([await one.poll(some), await two.poll(some)]).toEqual([[], []]);
    await take(one);
    await take(two);
    const seen = async (source: StreamSource): Promise<number[]> => {
      const found: StreamRecord[] = [];
      while (found.length < 6) found.push(...(await source.poll(some)));
      return [...new Set(found.map(({ partition }) => partition))].sort();
    };
    expect(await seen(one)).toEqual(first);
    expect(await seen(two)).toEqual(second);

    const end = one.poll(long);
    await two.close();
    expect(await end).toEqual([]);
    expect(await take(one)).toEqual([0, 1, 2, 3]);
  });

  test('a seek for an assignment that is over does nothing', async () => {
    await makeTopic(2);
    await send(0, 0, 2);
    await send(1, 0, 2);
    const one = await member();
    await one.partitions();
    const old = one.assignment;
    const two = await member();
    await two.partitions();
    while (one.assignment === old) await sleep(20);
    await one.seek(
      new Map([
        [0, 0],
        [1, 0],
      ]),
    );
    expect(await one.poll(some)).toEqual([]);
    await settled([one, two], 2);
    const [mine] = await take(one);
    expect(new Set((await one.poll(some)).map(({ partition }) => partition))).toEqual(new Set([mine]));
  });

  test('lag tools hear the newest hint; reading takes nothing from it', async () => {
    await makeTopic(1);
    await send(0, 0, 5);
    const one = await member();
    await take(one);
    for (const offset of [1, 2, 4]) await one.commitHint(new Map([[0, offset]]));
    await one.close();
    const [told] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
    expect(told?.partitions).toMatchObject([{ partition: 0, offset: '4' }]);
    const two = await member();
    await take(two);
    expect((await two.poll(some)).map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4]);
  });

  test('members beyond the partitions wait until one is free', async () => {
    await makeTopic(1);
    const one = await member();
    await take(one);
    const two = await member();
    await two.partitions();
    const shares = await settled([one, two], 1);
    const [busy, idle] = shares[0]?.length === 1 ? [one, two] : [two, one];
    await take(busy);
    await take(idle);
    const { assignment } = idle;
    const waiting = idle.poll(long);
    await busy.close();
    expect(await waiting).toEqual([]);
    expect(idle.assignment).toBeGreaterThan(assignment);
    expect(await take(idle)).toEqual([0]);
  });

  test('partitions of a member that is killed move to the others', async () => {
    await makeTopic(2);
    const script = builtProgram('test/support/kafka-member-process.ts');
    const child = fork(script, [`127.0.0.1:${broker.port}`, topic, group], {
      stdio: 'inherit',
    });
    const told: number[][] = [];
    child.on('message', (partitions) => told.push(partitions as number[]));
    try {
      const one = await member();
      while ((await one.partitions()).length !== 1 || told.at(-1)?.length !== 1) await sleep(50);
      await take(one);
      const waiting = one.poll(long);
      child.kill('SIGKILL');
      expect(await waiting).toEqual([]);
      expect(await take(one)).toEqual([0, 1]);
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('whatever is sought, the next record is the one at that offset', async () => {
    await makeTopic(3);
    const counts = [300, 200, 100];
    for (const [partition, count] of counts.entries()) await send(partition, 0, count, 500);
    const source = await member();
    await take(source);
    let random = 7;
    const next = (below: number): number => {
      random = (random * 1_103_515_245 + 12_345) % 2_147_483_648;
      return random % below;
    };
    for (let round = 0; round < 80; round += 1) {
      const sought = new Map(
        counts.flatMap((count, partition) => (next(3) === 0 ? [] : [[partition, next(count)] as [number, number]])),
      );
      if (sought.size === 0) continue;
      await source.seek(sought);
      // Sometimes away again while the broker is still asked.
      if (next(2) === 0) continue;
      const expected = new Map(sought);
      while (expected.size > 0) {
        for (const record of await source.poll({ ...some, rowsMax: 1 + next(20) })) {
          const offset = expected.get(record.partition);
          if (offset === undefined) continue;
          expect([record.offset, text(record).split(' ')[0]]).toEqual([offset, String(offset)]);
          expected.delete(record.partition);
        }
      }
    }
  });

  test('a full buffer holds fetching up, and nothing is lost by it', async () => {
    await makeTopic(2);
    await send(0, 0, 60, 200_000);
    await send(1, 0, 5);
    const source = await member();
    await take(source);
    await source.poll({ ...some, rowsMax: 1 });
    // Longer than a session: heartbeats go on meanwhile, and the group keeps its member.
    const { assignment } = source;
    await sleep(9_000);
    expect(source.assignment).toBe(assignment);
    const records: StreamRecord[] = [];
    while (records.length < 64) records.push(...(await source.poll(some)));
    for (const partition of [0, 1]) {
      const offsets = records.filter((record) => record.partition === partition).map(({ offset }) => offset);
      expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
      expect(new Set(offsets).size).toBe(offsets.length);
    }
  });

  test('the broker is stopped and started: reading goes on where it was', async () => {
    await makeTopic(2);
    await send(0, 0, 50);
    await send(1, 0, 50);
    const positions = new Map<number, number>();
    const seen: string[] = [];
    let source = await member();
    await take(source);
    /** As a pipeline does: what was read counts, a store that is away is tried again, an assignment that is over is taken anew. */
    async function readTo(count: number): Promise<void> {
      let { assignment } = source;
      while (seen.length < count) {
        try {
          if (source.assignment !== assignment) {
            ({ assignment } = source);
            await take(source, positions);
          }
          for (const { partition, offset, nextOffset } of await source.poll({ ...some, rowsMax: 10 })) {
            seen.push(`${partition}/${offset}`);
            positions.set(partition, nextOffset);
          }
        } catch (error) {
          if (!(error instanceof StoreUnavailableError)) throw error;
          await source.close();
          await sleep(500);
          source = await member().catch(() => source);
          assignment = -1;
        }
      }
    }
    await readTo(30);
    const reading = readTo(200);
    await broker.server.kill();
    await sleep(1_000);
    await broker.server.start();
    await send(0, 50, 50);
    await send(1, 50, 50);
    await reading;
    const all = [0, 1].flatMap((partition) => Array.from({ length: 100 }, (_, offset) => `${partition}/${offset}`));
    expect([...seen].sort()).toEqual(all.sort());
  });

  test('a member that is closed on its way into the group waits for nobody, and is not left in it', async () => {
    await makeTopic(2);
    const one = await member();
    await take(one);
    const two = await openKafkaStreamSource({ connection: connection(), topic, group });
    const ranges = two.partitions().then(
      () => 'settled',
      (error: unknown) => (error as Error).name,
    );
    await two.close();
    expect(['settled', 'StoreUnavailableError']).toContain(await ranges);
    expect(await settled([one], 2)).toEqual([[0, 1]]);
    const { groups } = await admin.describeGroups([group]);
    expect(groups[0]?.members).toHaveLength(1);
  });

  test('a broker that stays away ends a poll with an error', async () => {
    await makeTopic(1);
    const source = await member();
    await take(source);
    await broker.server.kill();
    try {
      const stop = new AbortController();
      const aborted = (async (): Promise<void> => {
        for (;;) await source.poll({ ...long, signal: stop.signal });
      })();
      stop.abort(new Error('stop'));
      await expect(aborted).rejects.toThrow('stop');
      const end = async (): Promise<void> => {
        for (;;) await source.poll(some);
      };
      await expect(end()).rejects.toMatchObject({ name: 'StoreUnavailableError', mend: expect.any(String) });
      await source.close();
    } finally {
      await broker.server.start();
    }
  });

  describe('events that are gone', () => {
    async function deleteBefore(offset: number): Promise<void> {
      // kafkajs deletes in topics alone that it was asked about before.
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: String(offset) }] });
    }

    test('are no place to seek to', async () => {
      await makeTopic(1);
      await send(0, 0, 10);
      await deleteBefore(5);
      const source = await member();
      expect(await source.partitions()).toEqual([{ partition: 0, start: 5, end: 10 }]);
      await expect(source.seek(new Map([[0, 4]]))).rejects.toMatchObject({
        name: 'DataError',
        message: expect.stringContaining('offset 4 to 4 are gone'),
        mend: expect.stringContaining('--accept-gap'),
      });
      await source.seek(new Map([[0, 5]]));
      expect((await source.poll(some)).map(({ offset }) => offset)).toEqual([5, 6, 7, 8, 9]);
    });

    test('while they are read end the reading, and never make a gap in silence', async () => {
      await makeTopic(1);
      // More than the buffer takes: the rest is asked for after it was deleted.
      await send(0, 0, 60, 200_000);
      const source = await member();
      await take(source);
      const offsets = (await source.poll({ ...some, rowsMax: 1 })).map(({ offset }) => offset);
      // Fetching has come to a stop before they go.
      await sleep(1_000);
      await deleteBefore(58);
      const readOn = async (): Promise<void> => {
        for (;;) offsets.push(...(await source.poll(some)).map(({ offset }) => offset));
      };
      const failure = await readOn().catch((error: unknown) => error);
      expect(failure).toMatchObject({ name: 'DataError', mend: expect.stringContaining('--accept-gap') });
      expect(offsets).toEqual(offsets.map((_, index) => index));
      expect((failure as Error).message).toContain(`offset ${offsets.length} to 57 are gone`);
      await take(source);
      expect((await source.poll(some)).map(({ offset }) => offset)).toEqual([58, 59]);
    });

    test('with a topic that is deleted, or has as many events when it is made again, is told', async () => {
      await makeTopic(1);
      await send(0, 0, 5);
      const source = await member();
      await take(source);
      expect(await source.poll(some)).toHaveLength(5);
      await admin.deleteTopics({ topics: [topic] });
      await expect(source.topicId()).rejects.toMatchObject({
        name: 'DefinitionError',
        mend: expect.stringContaining(`--create --topic ${topic}`),
      });
      const gone = async (): Promise<void> => {
        for (;;) await source.poll({ ...some, waitMs: 100 });
      };
      await expect(gone()).rejects.toThrow(/the topic was deleted|there is no topic/);
      await makeTopic(1);
      await send(0, 0, 50);
      const end = async (): Promise<StreamRecord[]> => {
        for (;;) {
          const records = await source.poll(some);
          if (records.length > 0) return records;
        }
      };
      await expect(end()).rejects.toMatchObject({
        name: 'DataError',
        message: expect.stringContaining('deleted and created again'),
      });
    });
  });
});
