import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { DefinitionError } from '../../src/errors.js';
import { manual, pipeline } from '../../src/index.js';
import { checkKnownKey, hashPii } from '../../src/personal-data/index.js';
import { EngineServers } from '../support/engines.js';
import { storedKeys } from '../support/forget.js';
import { lacks } from '../support/services.js';
import { type Definitions, definitionsText, embedded, type TestEngines, TestStore } from '../support/store.js';

const at = (n: number): string => new Date(Date.UTC(2024, 0, 1, n)).toISOString();
let t: TestStore;
afterEach(() => t.close());

async function project(definitions: Definitions = {}, engines: TestEngines = embedded): Promise<TestStore> {
  t = await TestStore.open(definitions, engines);
  return t;
}

const users = async (): Promise<unknown[]> =>
  (
    await t.store.lake.all<{ user_id: unknown }>(
      `SELECT DISTINCT user_id FROM ${t.store.lake.table('stats')} ORDER BY ALL`,
    )
  ).map(({ user_id }) => user_id);

describe('forget, cut short and under way', () => {
  it('goes on where it was cut short, wherever that was', async () => {
    await project();
    await t.publish(
      'stats',
      [1, 2, 3].map((user_id) => ({ user_id, at: at(0), a: user_id, b: 'x' })),
    );
    await t.store.materialize({ views: ['stats'] });
    const steps: string[] = [];
    // Cut short before its first step, then before its second, until it comes through.
    for (let reached = 0; ; reached += 1) {
      const controller = new AbortController();
      let step = 0;
      const onProgress = (line: string): void => {
        if (line.startsWith('proof:')) return;
        if (step === reached) {
          steps.push(line);
          controller.abort(new Error('cut short'));
        }
        step += 1;
      };
      const result = await t.store.forgetting
        .forget([{ user_id: 2 }], { signal: controller.signal, onProgress })
        .catch((error: Error) => error);
      if (controller.signal.aborted) {
        // Abort is seen at the next look at the signal; what was begun before may have come through.
        if (result instanceof Error) expect(result.message).toBe('cut short');
        continue;
      }
      expect(result).toMatchObject({ left: [] });
      break;
    }
    expect(steps.length).toBeGreaterThan(7);
    expect(await users()).toEqual([1n, 3n]);
    const records = await t.store.forgetting.list();
    expect(records[0]).toMatchObject({ state: 'proved' });
    expect((await t.online('stats', [1, 2, 3])).map((row) => row?.['a'])).toEqual([1, undefined, 3]);
  }, 180_000);

  it('refuses while a run is at work, and names it', async () => {
    await project();
    await t.publish('stats', [{ user_id: 2, at: at(0), a: 2, b: 'x' }]);
    const open = {
      pipeline: pipeline({
        name: 'load',
        workflow: 'dbToOfflineStore',
        args: { views: ['stats'] },
        schedule: manual(),
      }),
      runId: 'run-1',
      workflowId: 'w',
      nominalTime: at(5),
      registryVersion: 1,
    };
    await t.store.runs.open(open, async () => true);
    const refused = t.store.forgetting.forget([{ user_id: 2 }]);
    await expect(refused).rejects.toBeInstanceOf(DefinitionError);
    await expect(refused).rejects.toMatchObject({
      message: expect.stringContaining('run-1 of load'),
      mend: expect.stringContaining('--wait'),
    });
    expect(await users()).toEqual([2n]);
    const waiting = t.store.forgetting.forget([{ user_id: 2 }], { wait: true });
    await t.store.runs.close({
      pipeline: 'load',
      runId: 'run-1',
      workflowId: 'w',
      status: 'failed',
      steps: [],
      published: 0,
    });
    expect(await waiting).toMatchObject({ left: [] });
    expect(await users()).toEqual([]);
  });

  it('leaves the file of a writer at work, and takes one that nobody registered in an hour', async () => {
    await project();
    const { lake } = t.store;
    await t.publish('stats', [{ user_id: 1, at: at(0), a: 1, b: 'x' }]);
    const file = path.join(lake.dataDirectory('stats'), 'at-work.parquet');
    mkdirSync(path.dirname(file), { recursive: true });
    await lake.all(`COPY (SELECT 2::BIGINT AS user_id) TO '${file}' (FORMAT parquet)`);
    const report = await t.store.forgetting.forget([{ user_id: 2 }]);
    expect(report.left).toMatchObject([{ place: expect.stringContaining('at-work.parquet') }]);
    expect(existsSync(file)).toBe(true);
    const before = new Date(Date.now() - 2 * 3_600_000);
    utimesSync(file, before, before);
    expect(await t.store.forgetting.forget([{ user_id: 2 }])).toMatchObject({
      left: [],
      removed: { dataFiles: 1, snapshots: 0 },
    });
    expect(existsSync(file)).toBe(false);
  });

  it('knows the names of join keys', async () => {
    await project();
    await expect(t.store.forgetting.forget([{ user_idd: 1 }])).rejects.toMatchObject({
      mend: expect.stringContaining('did you mean "user_id"?'),
    });
    await expect(t.store.forgetting.forget([])).rejects.toBeInstanceOf(DefinitionError);
    await expect(t.store.forgetting.forget([{ user_id: 1 }], { entity: 'usr' })).rejects.toMatchObject({
      mend: expect.stringContaining('"user"'),
    });
  });
});

const online: [string, () => Promise<TestEngines>, () => Promise<void>, boolean][] = [];
const servers = new EngineServers();
online.push(['LMDB', async () => embedded, async () => undefined, false]);
online.push([
  'Redis',
  () => servers.engines({ online: 'Redis', stream: 'file', catalog: 'SQLite' }),
  () => servers.close(),
  lacks('redis'),
]);

describe.each(online)('forget on %s', (_, engines, close, skipped) => {
  it.skipIf(skipped)(
    'forgets all entities with one of several join keys, and leaves no mark of them',
    async () => {
      await project(
        { keys: 'shop: string(), user_id: int64()', event: 'a: nullable(int32()), b: nullable(string())' },
        await engines(),
      );
      await t.publish(
        'stats',
        ['north', 'south'].flatMap((shop) =>
          [1, 2].map((user_id) => ({ shop, user_id, at: at(0), a: user_id, b: 'x' })),
        ),
      );
      await t.store.materialize({ views: ['stats'] });
      const report = await t.store.forgetting.forget([{ shop: 'south' }]);
      expect(report).toMatchObject({ left: [], removed: { tables: { stats: 2 }, online: 2 } });
      const table = await t.table('stats');
      expect(await storedKeys(await t.store.online(), table)).toEqual([
        ['north', 1],
        ['north', 2],
      ]);
      await t.store.forgetting.forget([{ shop: 'north', user_id: 1 }]);
      expect(await storedKeys(await t.store.online(), table)).toEqual([['north', 2]]);
      await close();
    },
    120_000,
  );
});

describe('forget where a source hashes the join key', () => {
  it('takes the value as people know it', async () => {
    process.env['ASOF_PII_KEY'] = 'a secret of more than sixteen bytes';
    try {
      const rule = "pii: { user_id: 'hash' }";
      await project({ keys: 'user_id: string()' });
      const text = definitionsText({ keys: 'user_id: string()', source: rule });
      writeFileSync(
        path.join(t.repo, 'definitions.ts'),
        text.replace("createdTimestampField: 'made' });", `createdTimestampField: 'made', ${rule} });`),
      );
      await t.reopen();
      const hash = hashPii('ann@example.com');
      await t.publish(
        'stats',
        [hash, hashPii('bob@example.com')].map((user_id) => ({ user_id, at: at(0), a: 1, b: 'x' })),
      );
      await t.store.materialize({ views: ['stats'] });
      const report = await t.store.forgetting.forget([{ user_id: 'ann@example.com' }]);
      expect(report).toMatchObject({ hashed: true, left: [], removed: { tables: { stats: 1 }, online: 1 } });
      expect(await users()).toEqual([hashPii('bob@example.com')]);
      // Without the rule, what was hashed by it is still there.
      await checkKnownKey(t.store.lake, process.env['ASOF_PII_KEY'], 'test');
      await t.define({ keys: 'user_id: string()' });
      expect(await t.store.forgetting.forget([{ user_id: 'bob@example.com' }])).toMatchObject({
        ...{ hashed: true, left: [] },
        removed: { tables: { stats: 1 }, online: 1 },
      });
      expect(await users()).toEqual([]);
    } finally {
      delete process.env['ASOF_PII_KEY'];
    }
  }, 120_000);
});

describe('forget an entity that the definitions no longer have', () => {
  it('knows its join keys from what was applied, and leaves who is stored under the same value now', async () => {
    await project();
    await t.publish(
      'stats',
      [1, 2, 3].map((user_id) => ({ user_id, at: at(0), a: user_id, b: 'x' })),
    );
    await t.store.materialize({ views: ['stats'] });
    await t.define({ keys: 'member: int64()' });
    await t.publish(
      'stats',
      [2, 4].map((member) => ({ member, at: at(0), a: member, b: 'y' })),
    );
    await t.store.materialize({ views: ['stats'] });
    const report = await t.store.forgetting.forget([{ user_id: 2 }]);
    expect(report).toMatchObject({ left: [], removed: { tables: { stats: 1 }, online: 0 } });
    expect(await users()).toEqual([1n, 3n]);
    const online = await t.store.getOnlineFeatures(
      ['stats:b'],
      [2, 4].map((member) => ({ member })),
    );
    expect(online.map(({ b }) => b)).toEqual(['y', 'y']);
    expect(await t.store.forgetting.forget([{ member: 2 }])).toMatchObject({
      left: [],
      removed: { tables: { stats__g2: 1 }, online: 1 },
    });
  }, 120_000);
});

describe('the reason of a request', () => {
  it('is refused where it tells the key, before anything is done or noted', async () => {
    await project();
    await t.publish('stats', [{ user_id: 2, at: at(0), a: 2, b: 'x' }]);
    for (const dryRun of [true, false])
      await expect(
        t.store.forgetting.forget([{ user_id: 2 }], { reason: 'user 2 asked', dryRun }),
      ).rejects.toMatchObject({
        name: 'DefinitionError',
        message: expect.stringContaining('the reason holds the value of user_id, and it is kept for good'),
      });
    expect(await t.store.forgetting.list()).toEqual([]);
    expect(await users()).toEqual([2n]);
    await t.store.forgetting.forget([{ user_id: 2 }], { reason: 'request 12' });
    expect(await t.store.forgetting.list()).toMatchObject([{ reason: 'request 12', state: 'proved' }]);
  }, 120_000);
});
