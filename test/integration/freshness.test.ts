import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StoreUnavailableError, type ViewFreshness } from '../../src/index.js';
import { EngineServers } from '../support/engines.js';
import { lacks } from '../support/services.js';
import { embedded, type TestEngines, TestStore } from '../support/store.js';
import { TestStream, wrapped } from '../support/stream.js';

/** Hours before now, or after it. */
const ago = (hours: number): string => new Date(Date.now() - hours * 3_600_000).toISOString();
const row = (user_id: number, hours: number, a = 1) => ({ user_id, at: ago(hours), made: null, a, b: `b${a}` });

const promised = { view: "freshness: '2 hours'", stream: "freshness: '2 hours'" };

let t: TestStore;

async function freshness(view = 'stats'): Promise<ViewFreshness> {
  const [found] = await t.store.freshness([view]);
  return found as ViewFreshness;
}
/** Of both, of the lake and of the online store. */
async function verdicts(view?: string): Promise<string[]> {
  const { verdict, lake, online } = await freshness(view);
  return [verdict, lake.verdict, online.verdict];
}

function suite(engines: () => Promise<TestEngines>): void {
  beforeEach(async () => {
    t = await TestStore.open(promised, await engines());
  });
  afterEach(() => t.close());

  it('tells a lake that is fresh from an online store that never was, is behind, or was emptied', async () => {
    await t.publish('stats', [row(1, 9), row(2, 5)]);
    const never = await freshness();
    expect(never.online).toMatchObject({ verdict: 'stale', newestEvent: null, snapshot: null });
    expect(never.online.reason).toMatch(/never materialized/);
    await t.store.materialize({ views: ['stats'] });
    expect(await verdicts()).toEqual(['stale', 'stale', 'stale']);

    const fresh = row(1, 1);
    await t.publish('stats', [fresh]);
    const behind = await freshness();
    expect(behind).toMatchObject({ verdict: 'stale', lake: { verdict: 'fresh', newestEvent: fresh.at } });
    expect(behind.online.verdict).toBe('stale');
    expect(behind.online.ageMs).toBeGreaterThanOrEqual(5 * 3_600_000);
    expect(behind.online.snapshot).toBeGreaterThan(0);

    await t.store.materialize({ views: ['stats'] });
    expect(await freshness()).toMatchObject({ verdict: 'fresh', online: { verdict: 'fresh', newestEvent: fresh.at } });
    await (await t.store.online()).dropProject();
    expect(await verdicts()).toEqual(['stale', 'fresh', 'stale']);
  });

  it('counts what a stream brought online since the last materialize, and only as far as it did', async () => {
    const stream = new TestStream(t, 2);
    await stream.send(row(1, 6), row(2, 7));
    await stream.consume();
    expect(await verdicts('scores')).toEqual(['stale', 'stale', 'stale']);

    const stores = await t.stores();
    const broken = wrapped(stores.online, {
      writeNewer: async () => {
        throw new StoreUnavailableError('gone');
      },
    });
    const fresh = row(1, 1);
    await stream.send(fresh);
    await expect(stream.consume({ stores: { ...stores, online: broken } })).rejects.toThrow('gone');
    expect(await verdicts('scores')).toEqual(['stale', 'fresh', 'stale']);
    await stream.consume();
    expect(await freshness('scores')).toMatchObject({ verdict: 'fresh', online: { newestEvent: fresh.at } });
  });
}

describe('freshness on LMDB and SQLite', () => {
  suite(async () => embedded);

  it('knows nothing of a view without rows', async () => {
    expect(await freshness()).toMatchObject({
      verdict: 'unknown',
      promiseMs: 7_200_000,
      lake: { verdict: 'unknown', newestEvent: null, ageMs: null, lastWritten: null, notDue: 0 },
      online: { verdict: 'unknown', newestEvent: null, snapshot: null },
    });
  });

  it('takes events of the future for fresh ones only within the allowed skew', async () => {
    await t.publish('stats', [row(1, -50)]);
    expect(await verdicts()).toEqual(['unknown', 'unknown', 'unknown']);
    await t.publish('stats', [row(2, 4)]);
    await t.store.materialize({ views: ['stats'], end: new Date(ago(-100)) });
    const lake = { verdict: 'stale', notDue: 1 };
    expect(await freshness()).toMatchObject({ verdict: 'stale', lake, online: { verdict: 'stale' } });

    const soon = row(3, -1 / 60);
    await t.publish('stats', [soon]);
    await t.store.materialize({ views: ['stats'], end: new Date(ago(-100)) });
    const fresh = { verdict: 'fresh', newestEvent: soon.at, ageMs: 0 };
    expect(await freshness()).toMatchObject({ verdict: 'fresh', lake: fresh, online: fresh });
  });

  it('counts rows that were pushed or brought online by a window, which move no cursor', async () => {
    await t.publish('stats', [row(1, 1), row(2, 9)]);
    const window = (start: number, end: number) =>
      t.store.materialize({
        views: ['stats'],
        mode: { type: 'window', start: new Date(ago(start)), end: new Date(ago(end)) },
      });
    await window(10, 8);
    expect(await verdicts()).toEqual(['stale', 'fresh', 'stale']);
    await window(2, 0);
    expect(await verdicts()).toEqual(['fresh', 'fresh', 'fresh']);

    const pushed = row(2, 1);
    await t.store.steps.push('scores', t.writeData('pushed.ndjson', [pushed]), 'one');
    expect(await freshness('scores')).toMatchObject({ verdict: 'fresh', online: { newestEvent: pushed.at } });
  });

  it('knows when rows were last written, also where a run found nothing new', async () => {
    await t.publish('stats', [row(1, 30)]);
    const first = (await freshness()).lake.lastWritten ?? '';
    await t.publish('stats', [row(1, 30)]);
    const again = (await freshness()).lake;
    expect(Date.parse(again.lastWritten ?? '')).toBeGreaterThan(Date.parse(first));
    expect(again.verdict).toBe('stale');
  });

  it('does not judge what is kept offline, or promises nothing', async () => {
    await t.publish('stats', [row(1, 1)]);
    await t.define({ view: "freshness: '2 hours', online: false" });
    expect(await verdicts()).toEqual(['fresh', 'fresh', 'not judged']);
    expect(await verdicts('scores')).toEqual(['not promised', 'not promised', 'not promised']);
    expect((await t.store.freshness()).map(({ view }) => view).sort()).toEqual(['scores', 'stats']);
    await expect(t.store.freshness(['stat'])).rejects.toThrow(/no feature view "stat"/);
  });
});

const needed = ['postgres', 'redis'] as const;
describe.skipIf(needed.some((service) => lacks(service)))('freshness on Redis and Postgres', () => {
  const servers = new EngineServers();
  afterAll(() => servers.close());
  suite(() => servers.engines({ online: 'Redis', stream: 'file', catalog: 'Postgres' }));
});
