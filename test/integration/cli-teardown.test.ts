import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRefused, type SampleProject, sampleProject, stateOf } from '../support/cli.js';

/** Two projects in one folder share its state folder: lake, online store and event logs. */
describe('teardown', () => {
  let project: SampleProject;
  const other = ['--repo', 'other_repo'];
  const produce = ['stream', 'produce', 'driver_stats_stream', '--file', 'data/driver_stats_stream.parquet'];
  const pushSample = ['push', 'driver_stats', '--file', 'data/driver_stats.parquet'];
  const streams = (name: string): string => path.join(project.root, '.asof/streams', name);

  beforeAll(async () => {
    project = sampleProject();
    renameSync(path.join(project.root, 'feature_repo'), path.join(project.root, 'other_repo'));
    const twin = sampleProject();
    renameSync(path.join(twin.root, 'feature_repo'), path.join(project.root, 'feature_repo'));
    twin.close();
    const config = path.join(project.root, 'other_repo/feature-store.ts');
    writeFileSync(config, readFileSync(config, 'utf8').replace("'drivers'", "'others'"));
    for (const repo of [[], other]) {
      await project.ok('apply', ...repo);
      await project.ok(...pushSample, ...repo);
      await project.ok(...produce, '--rate', '0', '--limit', '10', ...repo);
    }
  });
  afterAll(() => project.close());

  it('asks for --yes where nobody can be asked, and removes nothing', async () => {
    const before = await stateOf(project.root);
    expectRefused(await project.asof('teardown'), 2, /nobody is here to be asked/, /→ add --yes/);
    expect(await stateOf(project.root)).toEqual(before);
  });

  it("removes this project's registry, rows, online rows and events, and nothing of the other", async () => {
    const before = await stateOf(project.root, 'other_repo');
    expect(before).toMatchObject({ rows: { driver_stats: 1805 }, online: { driver_stats: { length: 5 } } });
    const log = readdirSync(streams('others'), { recursive: true });
    const { stdout } = await project.ok('teardown', '--yes');
    expect(stdout).toMatch(/^Removed project "drivers" from .*\.asof: 13 objects, \d+ tables/);

    const { snapshot, ...mine } = await stateOf(project.root, 'feature_repo');
    expect(mine).toEqual({ version: 0, rows: {}, online: {} });
    expect(existsSync(streams('drivers'))).toBe(false);
    const { snapshot: _, ...kept } = before;
    expect(await stateOf(project.root, 'other_repo')).toMatchObject(kept);
    expect(readdirSync(streams('others'), { recursive: true })).toEqual(log);
    expect((await project.ok('plan', ...other)).stdout).toMatch(/^Nothing to do/);
    expect(snapshot).toBeGreaterThan(before.snapshot);
  });

  it('leaves a project that starts anew: same values, no row of before', async () => {
    await project.ok('apply');
    const read = ['get-online-features', '--service', 'driver_ranking', '--key', 'driver_id=1001', '--json'];
    expect((await project.ok(...read)).json()).toMatchObject({ statuses: [{ conv_rate: 'NOT_FOUND' }] });
    expect((await project.ok(...pushSample, '--json')).json()).toMatchObject({
      published: 1805,
      online: { written: 5 },
    });
    expect((await project.ok(...read)).json()).toMatchObject({ rows: [{ avg_daily_trips: 114 }] });
    expect((await project.ok('teardown', '--yes', '--json')).json()).toMatchObject({
      project: 'drivers',
      objects: { feature_view: 2, pipeline: 6 },
    });
  });
});
