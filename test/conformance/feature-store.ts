import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listDeadLetters } from '../../src/offline-store/dead-letters.js';
import { dueNow } from '../../src/sync/online-ends.js';
import { newestInLake, type TestEngines, TestStore } from '../support/store.js';
import { TestStream, wrapped } from '../support/stream.js';
import { SyncModel, step, users } from '../support/sync-model.js';

export interface Choice {
  readonly name: string;
  /** Starts what is needed. */
  open(): Promise<TestEngines>;
  /** How many random sequences are tried. */
  readonly sequences: number;
}

const minute = (n: number): string => new Date(Date.UTC(2024, 0, 1, 0, n)).toISOString();
const rowAt = (user_id: number, n: number, a: number) => ({ user_id, at: minute(n), made: minute(n), a, b: `b${a}` });

/**
 * Holds a combination of engines to what a feature store must do whatever it runs on: history and online rows agree after
 * publications, events, pushes, corrections, removals, runs of every kind and the loss of all online rows, in any order.
 */
export function featureStoreConformance({ name, open, sequences }: Choice): void {
  describe(`feature store: ${name}`, () => {
    let engines: TestEngines;
    let t: TestStore;
    let stream: TestStream;
    beforeAll(async () => {
      engines = await open();
      t = await TestStore.open({}, engines);
      stream = new TestStream(t, 2);
    }, 300_000);
    afterAll(() => t.close());

    const expectRight = async (view: string): Promise<void> => {
      expect(await t.online(view, users)).toEqual(await newestInLake(t, await t.table(view), users, dueNow()));
    };
    const verified = async (): Promise<void> => {
      for (const view of ['stats', 'scores']) {
        const found = await t.store.steps.checkOnline(view);
        expect(found).toMatchObject({ agrees: true, different: 0, missing: 0, unexpected: 0, stale: 0, pending: 0 });
      }
    };

    it('serves what was published, as of then and now', async () => {
      const first = users.map((user) => rowAt(user, 0, user));
      expect(await t.publish('stats', first)).toMatchObject({ published: users.length });
      expect(await t.publish('stats', first)).toMatchObject({ published: 0, alreadyThere: users.length });
      await t.publish('stats', [rowAt(1, 10, 10), rowAt(2, 5, 20)]);
      const [run] = await t.store.materialize({ views: ['stats'] });
      expect(run).toMatchObject({ mode: 'full', keys: users.length, written: users.length });
      await expectRight('stats');
      const history = await t.store.getHistoricalFeatures(
        ['stats:a'],
        [
          { user_id: 1, event_timestamp: new Date(minute(9)) },
          { user_id: 1, event_timestamp: new Date(minute(10)) },
          { user_id: 99, event_timestamp: new Date(minute(10)) },
        ],
      );
      expect(history.map(({ a }) => a)).toEqual([1, 10, null]);
      expect((await t.store.materialize({ views: ['stats'] }))[0]).toMatchObject({ mode: 'incremental', keys: 0 });
    });

    it('feeds both stores from a stream, bad events aside, each event once', async () => {
      await stream.send(...users.map((user) => rowAt(user, 1, user)), '{', { user_id: 'x' }, rowAt(1, 3, 100));
      expect(await stream.consume()).toMatchObject({
        read: users.length + 3,
        written: users.length + 1,
        deadLetters: 2,
      });
      expect(await stream.consume()).toMatchObject({ read: 0 });
      expect(await listDeadLetters(t.store.lake, 'scores', 10)).toHaveLength(2);
      await expectRight('scores');
    });

    it('brings online what a consumer that died between the stores left in the lake alone', async () => {
      await stream.send(rowAt(2, 7, 200), rowAt(3, 8, 300));
      const stores = await t.stores();
      const online = wrapped(stores.online, {
        writeNewer: async () => {
          throw new Error('died');
        },
      });
      await expect(stream.consume({ stores: { ...stores, online } })).rejects.toThrow('died');
      expect((await t.online('scores', [3]))[0]).toMatchObject({ a: 3 });
      expect(await stream.consume()).toMatchObject({ read: 0 });
      await expectRight('scores');
    });

    it('takes rows that are pushed, and corrections and removals by the next run', async () => {
      await t.store.steps.push('scores', t.writeData('push.ndjson', [rowAt(4, 9, 400)]), 'push');
      expect((await t.online('scores', [4]))[0]).toMatchObject({ a: 400 });
      await t.change('scores', 'UPDATE {} SET a = 401 WHERE a = 400');
      await t.change('scores', 'DELETE FROM {} WHERE user_id = 1');
      await t.store.materialize({ views: ['scores'] });
      expect(await t.online('scores', [1, 4])).toMatchObject([undefined, { a: 401 }]);
      await expectRight('scores');
      await verified();
    });

    it('is seen by another process, and builds an emptied online store anew, saying so', async () => {
      await t.reopen();
      await expectRight('scores');
      const online = await t.store.online();
      await online.dropProject();
      expect(await t.online('scores', users)).toEqual(users.map(() => undefined));
      const [run] = await t.store.materialize({ views: ['scores'] });
      expect(run).toMatchObject({ mode: 'full', reason: expect.stringContaining('no rows') });
      await expectRight('scores');
    });

    it('keeps the online store what the lake says, whatever comes in whatever order', {
      timeout: 900_000,
    }, async () => {
      const table = await t.table('scores');
      const model = new SyncModel(t, stream);
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 9 }), async (steps) => {
          await t.change('scores', 'DELETE FROM {}');
          await (await t.store.online()).dropView('scores');
          for (const one of steps) await model.take(table, one);
          await t.store.materialize({ views: ['scores'] });
          await model.expectOnline(table, dueNow());
        }),
        { numRuns: sequences, interruptAfterTimeLimit: 300_000, markInterruptAsFailure: false },
      );
      await t.store.materialize();
      await verified();
    });

    it('is removed without a trace of it and without touching another project', async () => {
      const other = await TestStore.open({}, engines);
      try {
        await other.publish('stats', [rowAt(1, 0, 1)]);
        await other.store.materialize({ views: ['stats'] });
        await t.store.teardown();
        expect((await other.online('stats', [1]))[0]).toMatchObject({ a: 1 });
        await t.reopen();
        expect(await t.online('stats', users)).toEqual(users.map(() => undefined));
      } finally {
        await other.close();
      }
    });
  });
}
