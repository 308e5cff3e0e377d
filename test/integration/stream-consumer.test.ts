import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../../src/config.js';
import { DataError } from '../../src/index.js';
import { listDeadLetters } from '../../src/offline-store/dead-letters.js';
import { type Definitions, newestInLake, TestStore } from '../support/store.js';
import { TestStream } from '../support/stream.js';

const minute = (n: number): string => new Date(Date.UTC(2024, 0, 1, 0, n)).toISOString();
const event = (user_id: number, n: number, a: number) => ({ user_id, at: minute(n), made: minute(n), a, b: `b${a}` });

describe('stream consumer', () => {
  let t: TestStore;
  let stream: TestStream;
  async function open(definitions: Definitions = {}, partitions = 1): Promise<void> {
    t = await TestStore.open(definitions);
    stream = new TestStream(t, partitions);
  }
  afterEach(() => t.close());
  const inLake = async () =>
    t.store.lake.all<{ user_id: number; a: number; _partition: number; _offset: bigint }>(
      `SELECT user_id::INTEGER AS user_id, a, _partition, _offset FROM ${t.store.lake.table('scores')} ORDER BY _partition, _offset`,
    );
  const letters = () => listDeadLetters(t.store.lake, 'scores', 100);

  /** Online is what the lake says, for all users of the tests. */
  async function expectRight(): Promise<void> {
    const users = [1, 2, 3, 4, 5, 6];
    const table = await t.table('scores');
    expect(await t.online('scores', users)).toEqual(await newestInLake(t, table, users, new Date()));
  }

  describe('every event is accounted for', () => {
    beforeEach(() => open());

    it('writes rows to both stores, in the order of the topic', async () => {
      await stream.send(event(1, 0, 1), event(2, 1, 2), event(1, 2, 3));
      const report = await stream.consume();
      expect(report).toMatchObject({ read: 3, written: 3, deadLetters: 0, dropped: 0, late: 0, ended: 'end_of_topic' });
      expect(report.online).toEqual({ written: 3, stale: 0 });
      expect((await inLake()).map(({ a }) => a)).toEqual([1, 2, 3]);
      expect(await t.online('scores', [1, 2])).toEqual([
        { at: minute(2), a: 3, b: 'b3' },
        { at: minute(1), a: 2, b: 'b2' },
      ]);
      expect(await stream.consume()).toMatchObject({ read: 0, commits: 0 });
      expect(await inLake()).toHaveLength(3);
    });

    it('may begin before the first event', async () => {
      expect(await stream.consume()).toMatchObject({ read: 0, ended: 'end_of_topic' });
      await stream.send(event(1, 0, 1));
      expect(await stream.consume()).toMatchObject({ read: 1, written: 1 });
      expect(await t.online('scores', [1])).toEqual([{ at: minute(0), a: 1, b: 'b1' }]);
    });

    it('sets unusable events aside with their place and the reason', async () => {
      const bad: [string | object, RegExp][] = [
        ['{"user_id": 1', /not valid JSON/],
        ['[1]', /a list, not an object/],
        [{ ...event(1, 0, 1), user_id: null }, /"user_id" is null/],
        [{ ...event(1, 0, 1), user_id: 'one' }, /"user_id" is a string/],
        [{ ...event(1, 0, 1), a: 1.5 }, /"a" is 1.5/],
        [{ ...event(1, 0, 1), at: '2024-02-31T00:00:00Z' }, /"at" is not a possible ISO time/],
        [{ ...event(1, 0, 1), at: 0 }, /"at" is a number/],
      ];
      await stream.send(event(1, 0, 1), ...bad.map(([value]) => value), event(2, 0, 2));
      stream.append(Buffer.from([0x7b, 0xff, 0x7d, 0x0a]));
      stream.append(`${JSON.stringify({ ...event(3, 0, 3), b: 'x'.repeat(limits.streamEventBytesMax) })}\n`);
      const report = await stream.consume();
      expect(report).toMatchObject({ read: bad.length + 4, written: 2, deadLetters: bad.length + 2, dropped: 0 });
      const found = (await letters()).reverse().sort((x, y) => x.offset - y.offset);
      const reasons = [...bad.map(([, reason]) => reason), /not UTF-8/, /more than the \d+ allowed/];
      for (const [index, reason] of reasons.entries()) expect(found[index]?.reason).toMatch(reason);
      expect(found.map(({ topic, partition }) => ({ topic, partition }))).toEqual(
        reasons.map(() => ({ topic: 'scores', partition: 0 })),
      );
      expect(found[0]?.payload).toBe('{"user_id": 1');
      expect(found.at(-1)?.payload).toBeNull();
      // Places are those of the topic: no two alike, and none that a row has.
      const places = [...found.map(({ offset }) => offset), ...(await inLake()).map(({ _offset }) => Number(_offset))];
      expect(new Set(places).size).toBe(report.read);
      await expectRight();
    });

    it('keeps an event dated in the future history, which makes no other one late', async () => {
      await t.close();
      await open({ source: "watermark: '5 minutes'", stream: "late: 'drop'" });
      const future = new Date(Date.now() + 3_600_000).toISOString();
      await stream.send({ ...event(1, 0, 9), at: future }, event(1, 1, 1), event(2, 2, 2));
      expect(await stream.consume()).toMatchObject({ written: 3, late: 0, online: { written: 2 } });
      await stream.send(event(1, 3, 3));
      expect(await stream.consume()).toMatchObject({ written: 1, late: 0 });
      expect((await t.online('scores', [1]))[0]).toMatchObject({ a: 3 });
      await t.store.materialize({ views: ['scores'], end: new Date(future) });
      expect((await t.online('scores', [1]))[0]).toEqual({ at: future, a: 9, b: 'b9' });
    });

    it('commits what it read and stops when too many are unusable', async () => {
      const count = limits.deadLetterShareJudgedFrom;
      await stream.send(event(1, 0, 1), ...Array.from({ length: count }, () => '{}'));
      const failure = await stream.consume().catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(DataError);
      expect((failure as Error).message).toMatch(/100 of 101 events could not be used/);
      expect((await t.online('scores', [1]))[0]).toMatchObject({ a: 1 });
      expect(await t.store.steps.eventTotals('scores')).toMatchObject({ read: 101, written: 1, deadLetters: 100 });
      await stream.send(event(1, 1, 2));
      expect(await stream.consume()).toMatchObject({ read: 1, written: 1 });
    });
  });

  describe('late events', () => {
    const late = [event(1, 60, 1), event(2, 54, 2), event(2, 55, 3), event(3, 56, 4)];
    const definitions = (policy: string): Definitions => ({
      source: "watermark: '5 minutes'",
      stream: `late: '${policy}'`,
    });

    it('are kept as history', async () => {
      await open(definitions('keep'));
      await stream.send(...late);
      const report = await stream.consume();
      expect(report).toMatchObject({ read: 4, written: 4, late: 1, dropped: 0, online: { written: 3, stale: 0 } });
      expect(await inLake()).toHaveLength(4);
      await expectRight();
    });

    it('are dropped', async () => {
      await open(definitions('drop'));
      await stream.send(...late);
      expect(await stream.consume()).toMatchObject({ read: 4, written: 3, late: 1, dropped: 1, deadLetters: 0 });
      expect((await inLake()).map(({ a }) => a)).toEqual([1, 3, 4]);
      await expectRight();
    });

    it('are set aside, which does not stop the stream however many they are', async () => {
      await open(definitions('dead_letter'));
      const many = Array.from({ length: limits.deadLetterShareJudgedFrom * 2 }, (_, n) => event(4, 0, n));
      await stream.send(...late, ...many);
      const report = await stream.consume();
      expect(report).toMatchObject({ written: 3, late: many.length + 1, deadLetters: many.length + 1 });
      expect((await letters())[0]?.reason).toMatch(/late/);
      await expectRight();
    });

    it('are told by what the partition had before, also by a new consumer', async () => {
      await open(definitions('drop'), 2);
      await stream.send(event(1, 60, 1), event(2, 10, 2));
      await stream.consume();
      expect((await inLake()).map(({ _partition }) => _partition)).toEqual([0, 1]);
      await stream.send(event(1, 10, 3), event(2, 10, 4));
      const report = await stream.consume();
      expect(report).toMatchObject({ read: 2, written: 1, dropped: 1 });
    });
  });
});
