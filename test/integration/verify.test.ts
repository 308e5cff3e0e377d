import { readdirSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { VerifyResult } from '../../src/index.js';
import { encodeTombstone } from '../../src/online-store/row-codec.js';
import { headerLayout } from '../../src/online-store/row-header.js';
import { RawOnline } from '../support/raw-online.js';
import { type Definitions, TestStore } from '../support/store.js';

const day = (n: number): string => new Date(Date.UTC(2024, 0, n)).toISOString();
const users = Array.from({ length: 20 }, (_, index) => index + 1);
const rows = (at: string, more: object = {}) => users.map((user_id) => ({ user_id, at, a: user_id, b: 'x', ...more }));
const nothingWrong = { different: 0, missing: 0, unexpected: 0, stale: 0 };

describe('verify', () => {
  let t: TestStore;
  let raw: RawOnline;
  async function open(definitions: Definitions = {}): Promise<void> {
    t = await TestStore.open(definitions);
    raw = new RawOnline(t, 'stats');
  }
  afterEach(async () => {
    const staging = path.join(t.stateDir, 'staging');
    expect(readdirSync(staging, { recursive: true }).filter((name) => String(name).includes('verify'))).toEqual([]);
    await t.close();
  });
  const verify = (sample?: { size: number; seed: number }): Promise<VerifyResult> =>
    t.store.steps.checkOnline('stats', { sample });
  const materialize = async (options: object = {}) => t.store.materialize({ views: ['stats'], ...options });
  const cursorSnapshot = async () => (await verify()).cursor?.snapshot ?? -1;

  describe('of rows that were materialized', () => {
    beforeEach(async () => {
      await open();
      await t.publish('stats', rows(day(1)));
      await t.publish('stats', rows(day(3)));
      await materialize();
    });

    /** What a check says once one key was changed by hand. */
    async function expectWrong(is: 'different' | 'missing' | 'unexpected' | 'stale', user: number, fields: string[]) {
      const result = await verify();
      expect(result).toMatchObject({ ...nothingWrong, [is]: 1, agrees: false, pending: 0 });
      expect(result.examples).toMatchObject([{ is, key: { user_id: user }, fields }]);
      expect(JSON.stringify(result)).not.toContain('secret');
      await materialize({ mode: { type: 'full' } });
      // The mend of every error of this kind.
      expect(await verify()).toMatchObject({ ...nothingWrong, agrees: true });
      return result;
    }

    it('finds nothing where nothing is wrong', async () => {
      const result = await verify();
      expect(result).toMatchObject({ ...nothingWrong, agrees: true, keys: 20, same: 20, pending: 0, expired: 0 });
      expect(result).toMatchObject({ reason: undefined, sample: undefined, examples: [], pendingSince: undefined });
      expect(result.cursor?.snapshot).toBe(result.snapshot);
    });

    it('finds a wrong value', async () => {
      const committed = await cursorSnapshot();
      await raw.put(7, { at: day(3), values: [7, 'secret'], committed, reflects: committed });
      const { examples } = await verify();
      expect(examples[0]).toMatchObject({ expected: day(3), found: { at: day(3), committed, reflects: committed } });
      const [stored] = await t.store.lake.all<{ us: bigint; p: bigint }>(
        `SELECT epoch_us(_ingest_time) AS us, _ingest_position AS p FROM ${t.store.lake.table('stats')} WHERE user_id = 7 AND event_timestamp = '2024-01-03'`,
      );
      // The row itself but for one value.
      await raw.put(7, {
        at: day(3),
        values: [7, 'secret'],
        committed,
        reflects: committed,
        ingestUs: stored!.us,
        position: stored!.p,
      });
      await expectWrong('different', 7, ['b']);
    });

    it('finds a row of a later time that the lake never held', async () => {
      const committed = await cursorSnapshot();
      await raw.put(7, { at: day(4), values: [7, 'secret'], committed });
      await expectWrong('different', 7, ['event_timestamp', '_ingest_time', '_ingest_position', 'b']);
    });

    it('finds a row that is gone', async () => {
      await raw.change(3, () => undefined);
      expect((await expectWrong('missing', 3, [])).examples[0]).toMatchObject({ expected: day(3), found: undefined });
    });

    it('finds a tombstone where a row should be', async () => {
      const snapshot = await cursorSnapshot();
      await raw.change(3, () => encodeTombstone({ generation: 1, snapshot }));
      await expectWrong('missing', 3, []);
    });

    it('finds a row of an older generation', async () => {
      await raw.change(3, (stored) => {
        const row = Buffer.from(stored as Uint8Array);
        row.writeUInt32BE(0, headerLayout.generation);
        return row;
      });
      await expectWrong('missing', 3, []);
    });

    it('finds a row of a key the lake does not know', async () => {
      await raw.put(99, { at: day(3), values: [1, 'secret'] });
      expect((await expectWrong('unexpected', 99, [])).examples[0]).toMatchObject({ expected: undefined });
    });

    it('takes a tombstone of a key the lake does not know as nothing', async () => {
      const snapshot = await cursorSnapshot();
      await raw.change(99, () => encodeTombstone({ generation: 1, snapshot }));
      expect(await verify()).toMatchObject({ ...nothingWrong, agrees: true, keys: 20 });
    });

    it('finds an older row, also one that the lake holds', async () => {
      const [older] = await t.store.lake.all<{ us: bigint; p: bigint }>(
        `SELECT epoch_us(_ingest_time) AS us, _ingest_position AS p FROM ${t.store.lake.table('stats')} WHERE user_id = 5 AND event_timestamp = '2024-01-01'`,
      );
      await raw.put(5, { at: day(1), values: [5, 'x'], ingestUs: older!.us, position: older!.p });
      const { examples } = await expectWrong('stale', 5, ['event_timestamp', '_ingest_time']);
      expect(examples[0]).toMatchObject({ expected: day(3), found: { at: day(1) } });
    });

    it('finds the loser among rows of one event time', async () => {
      await t.publish('stats', [
        { user_id: 5, at: day(3), made: day(3), a: 50, b: 'loser' },
        { user_id: 5, at: day(3), made: day(4), a: 51, b: 'winner' },
      ]);
      await materialize();
      expect(await verify()).toMatchObject({ agrees: true, same: 20 });
      await raw.put(5, { at: day(3), made: day(3), values: [50, 'loser'] });
      await expectWrong('stale', 5, ['created_timestamp', '_ingest_time', '_ingest_position', 'a', 'b']);
    });

    it('finds a row dated in the future', async () => {
      const soon = new Date(Date.now() + 3_600_000).toISOString();
      await t.publish('stats', [{ user_id: 5, at: soon, a: 1, b: 'to come' }]);
      await materialize();
      expect(await verify()).toMatchObject({ ...nothingWrong, agrees: true, pending: 0, same: 20 });
      const committed = await cursorSnapshot();
      const [row] = await t.store.lake.all<{ us: bigint; p: bigint }>(
        `SELECT epoch_us(_ingest_time) AS us, _ingest_position AS p FROM ${t.store.lake.table('stats')} WHERE b = 'to come'`,
      );
      await raw.put(5, { at: soon, values: [1, 'to come'], committed, ingestUs: row!.us, position: row!.p });
      await expectWrong('different', 5, ['event_timestamp']);
    });

    it('finds a row that claims a snapshot the lake does not have', async () => {
      await raw.change(5, (stored) => {
        const row = Buffer.from(stored as Uint8Array);
        row.writeBigUInt64BE(1_000_000n, headerLayout.reflects);
        return row;
      });
      const result = await verify();
      expect(result).toMatchObject({ ...nothingWrong, different: 1, agrees: false });
      expect(result.examples).toMatchObject([{ key: { user_id: 5 }, fields: ['snapshot'] }]);
    });

    it('finds a row that can not be read', async () => {
      await raw.change(5, (stored) => (stored as Uint8Array).subarray(0, 66));
      await expectWrong('different', 5, ['(unreadable)']);
    });

    it('finds a row whose schema is unknown', async () => {
      await raw.change(5, (stored) => {
        const row = Buffer.from(stored as Uint8Array);
        row.fill(0xaa, headerLayout.schemaId, headerLayout.payload);
        return row;
      });
      await expectWrong('different', 5, ['(unreadable)']);
    });

    it('tells what is not online yet as pending, with its time, and agrees', async () => {
      await t.publish('stats', [
        { user_id: 1, at: day(5), a: 1, b: 'newer' },
        { user_id: 50, at: day(5), a: 1, b: 'a new key' },
        { user_id: 2, at: day(2), a: 1, b: 'late, so not the newest' },
      ]);
      await t.change('stats', 'DELETE FROM {} WHERE user_id = 3');
      await t.change('stats', "UPDATE {} SET b = 'corrected' WHERE user_id = 4 AND event_timestamp = '2024-01-03'");
      const result = await verify();
      expect(result).toMatchObject({ ...nothingWrong, agrees: true, pending: 4, same: 17, keys: 21 });
      expect(result.pendingSince).toMatch(/^\d{4}-\d\d-\d\dT/);
      await materialize();
      expect(await verify()).toMatchObject({ ...nothingWrong, agrees: true, pending: 0, same: 20, keys: 20 });
    });

    it('still finds what is wrong with keys that have something newer in the lake', async () => {
      await t.publish('stats', rows(day(5)));
      expect(await verify()).toMatchObject({ ...nothingWrong, agrees: true, pending: 20 });
      await raw.put(1, { at: day(3), values: [1, 'secret'] });
      await raw.change(2, () => undefined);
      await raw.put(3, { at: day(2), values: [1, 'secret'] });
      expect(await verify()).toMatchObject({ different: 0, stale: 2, missing: 1, pending: 17, agrees: false });
      await raw.put(1, { at: day(4), values: [1, 'secret'] });
      expect(await verify()).toMatchObject({ different: 1, stale: 1, missing: 1, pending: 17, agrees: false });
    });

    it('compares at the end of a run that set the store back', async () => {
      await materialize({ mode: { type: 'full' }, end: new Date(day(2)) });
      expect(await verify()).toMatchObject({ ...nothingWrong, agrees: true, pending: 20 });
      const committed = await cursorSnapshot();
      const [row] = await t.store.lake.all<{ us: bigint; p: bigint }>(
        `SELECT epoch_us(_ingest_time) AS us, _ingest_position AS p FROM ${t.store.lake.table('stats')} WHERE user_id = 5 AND event_timestamp = '2024-01-03'`,
      );
      // Due by now, but after the end, and nobody brought it since.
      await raw.put(5, {
        at: day(3),
        values: [5, 'x'],
        committed,
        reflects: committed,
        ingestUs: row!.us,
        position: row!.p,
      });
      const result = await verify();
      expect(result).toMatchObject({ ...nothingWrong, different: 1, pending: 19, agrees: false });
      expect(result.examples).toMatchObject([{ fields: ['event_timestamp'] }]);
    });

    it('agrees with windows and pushes, which go ahead of the cursor', async () => {
      await t.publish('stats', [{ user_id: 1, at: day(6), a: 1, b: 'window' }]);
      await t.store.materialize({
        views: ['stats'],
        mode: { type: 'window', start: new Date(day(6)), end: new Date(day(6)) },
      });
      const file = t.writeData('pushed.ndjson', [{ user_id: 2, at: day(7), made: null, a: 1, b: 'pushed' }]);
      await t.store.steps.push('stats', file, 'one');
      expect(await verify()).toMatchObject({ ...nothingWrong, agrees: true, pending: 0, same: 20 });
    });

    it('reads rows written before a feature was added, or widened', async () => {
      await t.define({ features: 'a: int64(), b: string(), c: float64()' });
      expect(await verify()).toMatchObject({ ...nothingWrong, agrees: true, pending: 0, same: 20 });
      await t.publish('stats', [{ user_id: 1, at: day(8), a: 1, b: 'x', c: 0.5 }]);
      expect(await verify()).toMatchObject({ ...nothingWrong, agrees: true, pending: 1, same: 19 });
      await raw.put(2, { at: day(2), values: [1, 'secret', 1] });
      expect(await verify()).toMatchObject({ ...nothingWrong, stale: 1, pending: 1 });
    });

    it('says so when the cursor can not be used', async () => {
      await t.define({ features: 'a: string(), b: string()' });
      const result = await t.store.steps.checkOnline('stats');
      expect(result).toMatchObject({ keys: 0, agrees: true, cursor: undefined });
      expect(result.reason).toMatch(/generation 2/);
      await t.publish('stats', [{ user_id: 1, at: day(1), a: 'text', b: 'x' }]);
      expect(await verify()).toMatchObject({ ...nothingWrong, pending: 1, agrees: false, cursor: undefined });
    });

    it('finds in a sample what is in it, the same keys for the same seed', async () => {
      for (const user of users) await raw.put(user, { at: day(3), values: [0, 'secret'] });
      await raw.put(99, { at: day(3), values: [1, 'secret'] });
      const sample = { size: 4, seed: 1 };
      const result = await verify(sample);
      expect(result.sample).toEqual(sample);
      expect(result.keys).toBeGreaterThanOrEqual(4);
      expect(result.keys).toBeLessThanOrEqual(8);
      expect(result.stale + result.different + result.unexpected).toBe(result.keys);
      const keys = ({ examples }: VerifyResult) => examples.map(({ key }) => key);
      expect(keys(await verify(sample))).toEqual(keys(result));
      const others = await Promise.all([2, 3, 4, 5, 6].map((seed) => verify({ size: 4, seed })));
      expect(others.some((other) => JSON.stringify(keys(other)) !== JSON.stringify(keys(result)))).toBe(true);
      const all = await verify({ size: 1_000, seed: 1 });
      expect(all).toMatchObject({ keys: 21, unexpected: 1 });
    });
  });
});
