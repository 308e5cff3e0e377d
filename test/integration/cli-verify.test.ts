import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFeatureStore, type VerifyResult } from '../../src/index.js';
import { entityKey } from '../../src/online-store/entity-key.js';
import { encodeTombstone } from '../../src/online-store/row-codec.js';
import { expectRefused, type SampleProject, sampleProject, stateOf } from '../support/cli.js';

interface Verified {
  readonly agrees: boolean;
  readonly seed?: number;
  readonly views: readonly VerifyResult[];
}

let project: SampleProject;
beforeAll(async () => {
  project = sampleProject();
});
afterAll(() => project.close());

/** Takes the online row of a driver away, as nobody should. */
async function lose(driver_id: number): Promise<void> {
  const store = await openFeatureStore(path.join(project.root, 'feature_repo'));
  try {
    const { table } = await store.view('driver_stats');
    const snapshot = await store.lake.currentSnapshot();
    const entry = { key: entityKey(table.joinKeys, { driver_id }), row: encodeTombstone({ generation: 1, snapshot }) };
    await (await store.online()).replace(table, [entry], snapshot);
  } finally {
    await store.close();
  }
}

describe('asof verify', () => {
  it('wants the definitions applied first', async () => {
    expectRefused(await project.asof('verify'), 2, /apply/);
    await project.ok('apply');
  });

  it('has nothing to say of empty views', async () => {
    const { stdout } = await project.ok('verify');
    expect(stdout).toMatch(/driver_stats +│ 0 +│ 0/);
    expect(stdout).toMatch(/driver_stats: the view was never materialized/);
  });

  it('says so, and fails, when a view with rows was never materialized', async () => {
    await project.ok('push', 'driver_stats', '--file', 'data/driver_stats.parquet');
    // Pushed rows are online, so there is nothing that should be and is not.
    expect((await project.ok('verify', '--json')).json<Verified>()).toMatchObject({ agrees: true });
    const store = await openFeatureStore(path.join(project.root, 'feature_repo'));
    await (await store.online()).dropProject();
    await store.close();
    const { code, stdout, stderr } = await project.asof('verify');
    expect(code).toBe(3);
    expect(stdout).toMatch(/driver_stats: the view was never materialized, or the online store was emptied/);
    expect(stderr).toMatch(/^asof: view driver_stats: pending 5: /);
    expect(stderr).toMatch(/\n {2}→ `asof materialize --views driver_stats`/);
  });

  it('agrees once it was', async () => {
    await project.ok('materialize');
    const { stdout, stderr } = await project.ok('verify');
    expect(stderr).toBe('');
    expect(stdout).toMatch(/driver_stats +│ 5 +│ 5 +│ 0 +│ 0 +│ 0 +│ 0 +│ 0 /);
    expect(stdout).toMatch(/compared at snapshot \d+/);
    expect(stdout).toMatch(/What is online is what the lake says\.\n$/);
  });

  it('changes nothing, and leaves no file', async () => {
    const before = await stateOf(project.root);
    await project.ok('verify');
    await project.ok('verify', '--sample', '3');
    expect(await stateOf(project.root)).toEqual(before);
    expect(readdirSync(path.join(project.root, '.asof/staging'))).toEqual([]);
  });

  it('names the keys that differ and the mend, which mends it', async () => {
    await lose(1004);
    const { code, stdout, stderr } = await project.asof('verify', 'driver_stats');
    expect(code).toBe(3);
    expect(stdout).toMatch(/1004 +│ missing +│ +│ 2021-07-28T10:00:00\.000Z/);
    expect(stderr).toBe(
      'asof: view driver_stats: missing 1\n' +
        '  → `asof materialize --full --views driver_stats` writes the online rows from the lake\n',
    );
    const json = await project.asof('verify', '--json');
    expect(json).toMatchObject({ code: 3, stderr: '' });
    const { agrees, views } = json.json<Verified>();
    expect(agrees).toBe(false);
    expect(views[0]).toMatchObject({ view: 'driver_stats', keys: 5, same: 4, missing: 1, agrees: false });
    expect(views[0]?.examples).toMatchObject([{ is: 'missing', key: { driver_id: 1004 } }]);
    expect(views[1]).toMatchObject({ view: 'driver_stats_stream', agrees: true });
    expect((await project.ok('verify', 'driver_stats_stream')).stdout).toMatch(/What is online is what the lake says/);

    await project.ok('materialize', '--full', '--views', 'driver_stats');
    await project.ok('verify');
  });

  it('takes the same sample for the same seed, and tells the seed', async () => {
    await lose(1001);
    const sampled = async (...args: string[]) => {
      const { code, json } = await project.asof('verify', 'driver_stats', '--json', ...args);
      const { seed, views } = json<Verified>();
      return { code, seed, keys: views[0]?.keys, missing: views[0]?.missing };
    };
    expect(await sampled('--sample', '5', '--seed', '7')).toEqual({ code: 3, seed: 7, keys: 5, missing: 1 });
    const one = await sampled('--sample', '1');
    expect(await sampled('--sample', '1', '--seed', String(one.seed))).toEqual(one);
    const { stdout } = await project.asof('verify', 'driver_stats', '--sample', '5', '--seed', '7');
    expect(stdout).toContain('A sample of 5 keys of each store; --seed 7 takes the same ones.');
    await project.ok('materialize', '--full');
  });

  it.each([
    [['driver_stat'], 2, /no feature view "driver_stat"/, /→ .*driver_stats/],
    [['--sample', '0'], 2, /--sample 0 checks nothing/],
    [['--sample', '-3'], 2, /--sample "-3" is no whole number/],
    [['--sample', 'many'], 2, /--sample "many" is no whole number/],
    [['--sample', '5', '--seed', '1.5'], 2, /--seed "1.5" is no whole number/],
    [['--sample', '5', '--seed', '2147483648'], 2, /--seed 2147483648 is too large/],
    [['--seed', '5'], 2, /--seed is about a sample/, /→ add --sample/],
  ] as [string[], number, ...RegExp[]][])('refuses %j', async (args, code, ...patterns) => {
    expectRefused(await project.asof('verify', ...args), code, ...patterns);
  });

  it('refuses a view that is kept offline', async () => {
    project.edit('feature_repo/features.ts', "name: 'driver_stats',", "name: 'driver_stats',\n  online: false,");
    await project.ok('apply');
    expectRefused(await project.asof('verify', 'driver_stats'), 2, /"driver_stats" does not feed the online store/);
    expect((await project.ok('verify', '--json')).json<Verified>().views).toMatchObject([
      { view: 'driver_stats_stream' },
    ]);
    project.edit('feature_repo/features.ts', '\n  online: false,', '');
    await project.ok('apply');
  });

  it('says so when the online store can not be opened', async () => {
    const [online, aside] = [path.join(project.root, '.asof/online'), path.join(project.root, 'aside')];
    renameSync(online, aside);
    writeFileSync(online, 'in the way');
    expectRefused(await project.asof('verify'), 4, /online/);
    rmSync(online);
    renameSync(aside, online);
    mkdirSync(path.join(project.root, '.asof/staging'), { recursive: true });
    await project.ok('verify');
  });
});
