import fc from 'fast-check';
import type { KafkaMessage } from 'kafkajs';
import { describe, expect, test } from 'vitest';
import { kafka } from '../../../src/stream-source/kafka-limits.js';
import { RecordBuffer } from '../../../src/stream-source/kafka-record-buffer.js';

const message = (offset: number, bytes = 10): KafkaMessage => ({
  key: null,
  value: Buffer.alloc(bytes),
  timestamp: '0',
  attributes: 0,
  offset: String(offset),
  headers: {},
});
const places = (records: readonly { partition: number; offset: number }[]) =>
  records.map(({ partition, offset }) => `${partition}/${offset}`);

describe('RecordBuffer', () => {
  test('gives out what was put in, in order within each partition, and no more than was known at a moment', () => {
    const buffer = new RecordBuffer();
    buffer.put(0, [message(0), message(1)], 2);
    const { sequence } = buffer;
    buffer.put(0, [message(4)], 9);
    buffer.put(1, [message(7)], 8);
    expect(places(buffer.take(10, 1_000, sequence))).toEqual(['0/0', '0/1']);
    const rest = buffer.take(10, 1_000, buffer.sequence);
    expect(places(rest)).toEqual(['1/7', '0/4']);
    expect(rest.map(({ nextOffset }) => nextOffset)).toEqual([8, 9]);
    expect(buffer.isEmpty).toBe(true);
  });

  test('rows and bytes bound what is taken; one record alone may be larger', () => {
    const buffer = new RecordBuffer();
    buffer.put(0, [message(0, 50), message(1, 50), message(2, 500)], 3);
    expect(places(buffer.take(1, 1_000, 9))).toEqual(['0/0']);
    expect(places(buffer.take(9, 40, 9))).toEqual(['0/1']);
    expect(places(buffer.take(9, 40, 9))).toEqual(['0/2']);
  });

  test('is full by bytes or by rows, until enough was taken or dropped', () => {
    const buffer = new RecordBuffer();
    buffer.put(0, [message(0, kafka.bufferedBytesMax)], 1);
    expect(buffer.isFull).toBe(true);
    buffer.drop(0);
    expect([buffer.isFull, buffer.isEmpty]).toEqual([false, true]);
    buffer.put(
      1,
      Array.from({ length: kafka.bufferedRowsMax }, (_, n) => message(n, 0)),
      kafka.bufferedRowsMax,
    );
    expect(buffer.isFull).toBe(true);
    buffer.take(1, 1, buffer.sequence);
    expect(buffer.isFull).toBe(false);
    buffer.clear();
    expect(buffer.isEmpty).toBe(true);
  });

  test('every partition has its turn, however much one of them holds', () => {
    const buffer = new RecordBuffer();
    for (const partition of [2, 0, 5]) {
      buffer.put(
        partition,
        Array.from({ length: 100 }, (_, n) => message(n)),
        100,
      );
    }
    const turns = Array.from({ length: 6 }, () => buffer.take(3, 1_000, buffer.sequence)[0]?.partition);
    expect(turns).toEqual([0, 2, 5, 0, 2, 5]);
  });

  test('nothing is lost or doubled, whatever the sizes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ partition: fc.nat(3), sizes: fc.array(fc.nat(60), { minLength: 1, maxLength: 5 }) })),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 90 }),
        (batches, rowsMax, bytesMax) => {
          const buffer = new RecordBuffer();
          const next = [0, 0, 0, 0];
          for (const { partition, sizes } of batches) {
            const from = next[partition] as number;
            next[partition] = from + sizes.length;
            buffer.put(
              partition,
              sizes.map((size, i) => message(from + i, size)),
              from + sizes.length,
            );
          }
          const read = [0, 0, 0, 0];
          while (!buffer.isEmpty) {
            const records = buffer.take(rowsMax, bytesMax, buffer.sequence);
            expect(records.length).toBeGreaterThan(0);
            expect(records.length).toBeLessThanOrEqual(rowsMax);
            for (const { partition, offset } of records) {
              expect(offset).toBe(read[partition]);
              read[partition] = offset + 1;
            }
          }
          expect(read).toEqual(next);
          expect(buffer.isFull).toBe(false);
        },
      ),
    );
  });
});
