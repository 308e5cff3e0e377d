import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { limits } from '../../src/config.js';
import type { StreamProducer, StreamRecord, StreamSource } from '../../src/stream-source/stream-source.js';

/** A place for topics of one engine, empty for each test. */
export interface StreamPlace {
  openSource(topic: string, partitions?: readonly number[]): Promise<StreamSource>;
  openProducer(topic: string, partitions?: number): Promise<StreamProducer>;
  deleteTopic(topic: string): Promise<void>;
  close(): Promise<void>;
}

const text = ({ value }: StreamRecord): string => Buffer.from(value ?? []).toString('utf8');
const event = (n: number): string => JSON.stringify({ n });
const some = { rowsMax: 1_000, bytesMax: 1 << 20, waitMs: 2_000 };
const none = { ...some, waitMs: 0 };

/** What every stream source must hold; `open` gives a fresh place. */
export function streamSourceConformance(name: string, open: () => Promise<StreamPlace>): void {
  describe(name, () => {
    let place: StreamPlace;
    const closing: { close(): Promise<void> }[] = [];
    const keep = <T extends { close(): Promise<void> }>(thing: T): T => {
      closing.push(thing);
      return thing;
    };
    /** A consumer as the stream's consumer is: it asks for its partitions, then says where it begins. */
    const sourceOf = async (topic: string, partitions?: readonly number[]) => {
      const source = keep(await place.openSource(topic, partitions));
      await source.seek(new Map((await source.partitions()).map(({ partition, start }) => [partition, start])));
      return source;
    };
    const producerOf = async (topic: string, partitions?: number) => keep(await place.openProducer(topic, partitions));
    const send = async (producer: StreamProducer, ...numbers: number[]) =>
      producer.send(numbers.map((n) => ({ key: 'k', value: event(n) })));

    /** Reads every partition to its end, as it is now; less only where nothing more comes. */
    async function drain(source: StreamSource, each = some): Promise<StreamRecord[]> {
      const all: StreamRecord[] = [];
      const ends = new Map(
        (await source.partitions()).map(({ partition, start, end }) => [partition, end - start && end]),
      );
      const atEnd = new Set([...ends].filter(([, end]) => end === 0).map(([partition]) => partition));
      while (atEnd.size < ends.size) {
        const batch = await source.poll(each);
        if (batch.length === 0) break;
        all.push(...batch);
        for (const { partition, nextOffset } of batch)
          if (nextOffset >= (ends.get(partition) ?? 0)) atEnd.add(partition);
      }
      return all;
    }

    beforeEach(async () => {
      place = await open();
    });
    afterEach(async () => {
      for (const thing of closing.splice(0)) await thing.close();
      await place.close();
    });

    test('a topic that is not there is a DefinitionError', async () => {
      await expect(sourceOf('nothing').then((s) => s.topicId())).rejects.toMatchObject({ name: 'DefinitionError' });
    });

    test('events come in order, each beginning where the one before ended or later', async () => {
      const producer = await producerOf('orders');
      await send(producer, 1, 2, 3);
      await send(producer, 4);
      const source = await sourceOf('orders');
      const records = await drain(source);
      expect(records.map(text)).toEqual([1, 2, 3, 4].map(event));
      for (const [i, record] of records.entries()) {
        expect(record.nextOffset).toBeGreaterThan(record.offset);
        expect(record.offset).toBeGreaterThanOrEqual(records[i - 1]?.nextOffset ?? 0);
      }
      const [range] = await source.partitions();
      expect(range).toEqual({ partition: 0, start: expect.any(Number), end: records[3]?.nextOffset });
    });

    test('reading goes on at any nextOffset, and at the end', async () => {
      const producer = await producerOf('orders');
      await send(producer, 1, 2, 3);
      const source = await sourceOf('orders');
      const records = await drain(source);
      await source.seek(new Map([[0, records[0]?.nextOffset ?? -1]]));
      expect((await drain(source)).map(text)).toEqual([2, 3].map(event));
      await source.seek(new Map([[0, records[2]?.nextOffset ?? -1]]));
      expect(await source.poll(none)).toEqual([]);
      await send(producer, 4);
      expect((await drain(source)).map(text)).toEqual([event(4)]);
    });

    test('two consumers do not disturb each other', async () => {
      const producer = await producerOf('orders');
      await send(producer, 1, 2);
      const [one, two] = [await sourceOf('orders'), await sourceOf('orders')];
      expect((await drain(one)).map(text)).toEqual([1, 2].map(event));
      await two.partitions();
      expect((await drain(two)).map(text)).toEqual([1, 2].map(event));
    });

    test('an offset outside the range is a DataError', async () => {
      await send(await producerOf('orders'), 1);
      const source = await sourceOf('orders');
      const end = (await source.partitions())[0]?.end ?? 0;
      await expect(source.seek(new Map([[0, end + 1]]))).rejects.toMatchObject({ name: 'DataError' });
      await expect(source.seek(new Map([[0, -1]]))).rejects.toMatchObject({ name: 'DataError' });
    });

    test('polls are bounded by rows and by bytes, and a large event still comes', async () => {
      const producer = await producerOf('orders');
      await send(producer, 1, 2, 3, 4, 5);
      await producer.send([{ key: 'k', value: JSON.stringify('x'.repeat(10_000)) }]);
      await send(producer, 6);
      const source = await sourceOf('orders');
      expect(await source.poll({ ...some, rowsMax: 2 })).toHaveLength(2);
      const few = await source.poll({ ...some, bytesMax: 20 });
      expect(few.length).toBeGreaterThan(0);
      expect(few.length).toBeLessThan(4);
      const all = [...few, ...(await drain(source, { ...some, bytesMax: 20 }))];
      expect(all.map(({ value }) => value?.length)).toEqual([7, 7, 7, 10_002, 7]);
    });

    test('a waiting poll gets what is sent meanwhile, an aborted one ends', async () => {
      const producer = await producerOf('orders');
      const source = await sourceOf('orders');
      const waiting = source.poll({ ...some, waitMs: 30_000 });
      await send(producer, 1);
      expect((await waiting).map(text)).toEqual([event(1)]);
      const stop = new AbortController();
      const aborted = source.poll({ ...some, waitMs: 30_000, signal: stop.signal });
      stop.abort(new Error('stop'));
      await expect(aborted).rejects.toThrow('stop');
    });

    test('a key has one partition; consumers share a topic by partitions', async () => {
      const producer = await producerOf('orders', 3);
      const keys = Array.from({ length: 60 }, (_, n) => `driver-${n % 20}`);
      await producer.send(keys.map((key, n) => ({ key, value: JSON.stringify({ key, n }) })));
      const all = await drain(await sourceOf('orders'));
      const seen = new Map<string, Set<number>>();
      for (const record of all) {
        const { key } = JSON.parse(text(record)) as { key: string };
        seen.set(key, (seen.get(key) ?? new Set()).add(record.partition));
      }
      expect(all).toHaveLength(60);
      expect([...seen.values()].every((partitions) => partitions.size === 1)).toBe(true);
      expect(new Set(all.map(({ partition }) => partition)).size).toBe(3);
      for (const partition of [0, 1, 2]) {
        const own = await drain(await sourceOf('orders', [partition]));
        expect(own.map(text)).toEqual(all.filter((record) => record.partition === partition).map(text));
        const order = own.map((record) => (JSON.parse(text(record)) as { n: number }).n);
        expect(order).toEqual([...order].sort((a, b) => a - b));
      }
      await expect(sourceOf('orders', [3])).rejects.toMatchObject({ name: 'DefinitionError' });
    });

    test('a busy partition starves no other', async () => {
      const producer = await producerOf('orders', 2);
      for (let n = 0; n < 400; n += 1) await producer.send([{ key: null, value: event(n) }]);
      const source = await sourceOf('orders');
      const seen = new Set<number>();
      for (let i = 0; i < 2; i += 1) {
        for (const { partition } of await source.poll({ ...some, rowsMax: 50 })) seen.add(partition);
      }
      expect([...seen].sort()).toEqual([0, 1]);
    });

    test('an event that is too large comes without its value, and those around it with theirs', async () => {
      const producer = await producerOf('orders');
      await send(producer, 1);
      await producer.send([{ key: 'k', value: JSON.stringify('x'.repeat(limits.streamEventBytesMax)) }]);
      await producer.send([{ key: 'k', value: JSON.stringify('y'.repeat(3 * limits.streamEventBytesMax)) }]);
      await send(producer, 2);
      for (const bytesMax of [100, 8 << 20]) {
        const source = await sourceOf('orders');
        const records = await drain(source, { ...some, bytesMax });
        expect(records.map(({ value, oversized }) => [value?.length ?? null, oversized])).toEqual([
          [7, undefined],
          [null, limits.streamEventBytesMax + 2],
          [null, 3 * limits.streamEventBytesMax + 2],
          [7, undefined],
        ]);
        await source.seek(new Map([[0, records[1]?.nextOffset ?? -1]]));
        expect((await source.poll(some))[0]?.offset).toBe(records[2]?.offset);
      }
    });

    test('several producers at once lose nothing and mix nothing', async () => {
      const producers = await Promise.all(Array.from({ length: 4 }, () => producerOf('orders', 2)));
      await Promise.all(
        producers.map(async (producer, p) => {
          for (let n = 0; n < 25; n += 1) {
            await producer.send(
              Array.from({ length: 20 }, (_, i) => ({ key: `${p}-${i}`, value: event(p * 1_000 + n * 20 + i) })),
            );
          }
        }),
      );
      const numbers = (await drain(await sourceOf('orders'))).map(
        (record) => (JSON.parse(text(record)) as { n: number }).n,
      );
      expect(numbers).toHaveLength(2_000);
      expect(new Set(numbers).size).toBe(2_000);
    });

    test('a topic that is deleted and created again has another id, and a consumer of the old one stops', async () => {
      await send(await producerOf('orders'), 1, 2);
      const source = await sourceOf('orders');
      const id = await source.topicId();
      expect(await drain(source)).toHaveLength(2);
      await place.deleteTopic('orders');
      await send(await producerOf('orders'), 3);
      await expect(source.poll(some)).rejects.toMatchObject({ name: 'DataError' });
      expect(await source.topicId()).not.toBe(id);
      await source.partitions();
      await source.seek(new Map([[0, 0]]));
      expect((await drain(source)).map(text)).toEqual([event(3)]);
    });

    test('an existing topic keeps its number of partitions', async () => {
      await producerOf('orders', 2);
      await producerOf('orders');
      await expect(producerOf('orders', 3)).rejects.toMatchObject({ name: 'DefinitionError' });
    });

    test('a hint to the broker changes nothing', async () => {
      await send(await producerOf('orders'), 1, 2);
      const source = await sourceOf('orders');
      const [first] = await source.poll({ ...some, rowsMax: 1 });
      await source.commitHint(new Map([[0, first?.nextOffset ?? -1]]));
      expect((await drain(source)).map(text)).toEqual([event(2)]);
      expect((await drain(await sourceOf('orders'))).map(text)).toEqual([1, 2].map(event));
    });
  });
}
