import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FeatureStore, FencedError, openFeatureStore } from '../../src/index.js';
import { type SampleProject, sampleProject } from '../support/cli.js';

const interval = { start: '1970-01-01T00:00:00Z', end: '2100-01-01T00:00:00Z' };
const pipelineName = 'db_to_offline_store';

describe('the sample through the pipeline', () => {
  let project: SampleProject;
  let store: FeatureStore;
  beforeAll(async () => {
    project = sampleProject();
    store = await openFeatureStore(path.join(project.root, 'feature_repo'));
    await store.apply();
  });
  afterAll(async () => {
    await store.close();
    project.close();
  });

  async function open(runId = randomUUID()): Promise<string> {
    const pipeline = store.repo.pipelines.get(pipelineName);
    if (pipeline === undefined) throw new Error('the sample has no such pipeline');
    await store.runs.open(
      { pipeline, runId, workflowId: 'w', nominalTime: interval.end, interval, registryVersion: 1 },
      async () => false,
    );
    return runId;
  }

  async function steps(runId: string, view: string) {
    const target = { runId, view, pipeline: pipelineName };
    return {
      ingest: await store.steps.ingest(target),
      clean: await store.steps.clean(target),
      explore: await store.steps.exploreAndValidate(target),
      publish: await store.steps.publish(target),
    };
  }

  const count = async (view: string): Promise<number> =>
    Number((await store.lake.one<{ n: bigint }>(`SELECT count(*) AS n FROM ${store.lake.table(view)}`))?.n);
  const runs: string[] = [];

  it('reads 1,807 rows, removes 2 duplicates and a stray column, publishes 1,805', async () => {
    runs.push(await open());
    const done = await steps(runs[0] as string, 'driver_stats');
    expect(done.ingest).toEqual({ rowsIn: 1_807, rowsOut: 1_807 });
    expect(done.clean).toMatchObject({
      rowsIn: 1_807,
      rowsOut: 1_805,
      duplicates: 2,
      dropped: {},
      droppedColumns: ['__index_level_0__'],
    });
    expect(done.explore).toMatchObject({ rowsIn: 1_805, rowsOut: 1_805, quality: 'passed', quarantined: 0 });
    expect(done.publish).toMatchObject({ rowsIn: 1_805, rowsOut: 1_805, published: 1_805, alreadyThere: 0 });
    expect(await count('driver_stats')).toBe(1_805);
  });

  it('keeps a profile of every column and the results of every expectation', async () => {
    const [found] = await store.steps.validationResults(runs[0] as string);
    expect(found?.profile.columns.map(({ name }) => name)).toEqual([
      'driver_id',
      'event_timestamp',
      'created_timestamp',
      'conv_rate',
      'acc_rate',
      'avg_daily_trips',
    ]);
    expect(found?.profile.rows).toBe(1_805);
    for (const column of found?.profile.columns ?? []) {
      expect(column).toMatchObject({ missing: 0, missingRatio: 0 });
      expect(column.distinct).toBeGreaterThan(0);
    }
    expect(found?.expectations).toHaveLength(5);
    expect(found?.expectations.every(({ passed, checked }) => passed && checked === 1_805)).toBe(true);
  });

  it('writes a report in JSON and one page of HTML with histograms', async () => {
    const [found] = await store.steps.validationResults(runs[0] as string);
    const page = path.join(project.root, found?.report ?? '');
    const html = readFileSync(page, 'utf8');
    expect(html).toMatch(/<svg/);
    expect(html).toMatch(/acc_rate/);
    expect(html).not.toMatch(/(src|href)="https?:/);
    const json = JSON.parse(
      readFileSync(path.join(path.dirname(page), 'driver_stats', 'report.json'), 'utf8'),
    ) as Record<string, unknown>;
    expect(json).toMatchObject({
      view: 'driver_stats',
      counts: { read: 1_807, duplicates: 2, dropped: {}, quarantined: 0 },
      source: { owner: 'batch-source@example.com', rows: 1_807, hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
  });

  it('keeps where the rows came from with the publication', async () => {
    const rows = await store.lake.all<{ provenance: string }>(
      `SELECT provenance FROM ${store.lake.system('publications')} WHERE run_id = $1`,
      [runs[0] as string],
    );
    expect(rows).toHaveLength(1);
    expect(JSON.parse(rows[0]?.provenance ?? '')).toMatchObject({
      rows: 1_807,
      owner: 'batch-source@example.com',
      clean: { duplicates: 2 },
      quality: 'passed',
    });
  });

  it('leaves none of the files that its steps handed each other', () => {
    const left = readdirSync(path.join(project.root, '.asof', 'staging', runs[0] as string, 'driver_stats'));
    expect(left.sort()).toEqual(['clean.json', 'explore.json', 'ingest.json', 'publish.json']);
  });

  it('returns the same when a run does its steps again', async () => {
    const before = await store.lake.currentSnapshot();
    const again = await steps(runs[0] as string, 'driver_stats');
    expect(again.publish).toMatchObject({ published: 1_805, alreadyThere: 0 });
    expect(await store.lake.currentSnapshot()).toBe(before);
    expect(await count('driver_stats')).toBe(1_805);
  });

  it('publishes nothing the second time', async () => {
    const second = await steps(await open(), 'driver_stats');
    expect(second.publish).toMatchObject({ rowsIn: 1_805, rowsOut: 0, published: 0, alreadyThere: 1_805 });
    expect(await count('driver_stats')).toBe(1_805);
  });

  it('publishes nothing for a run that lost its interval', async () => {
    await store.lake.transaction({ message: 'by hand' }, (session) =>
      session.run(`DELETE FROM ${store.lake.table('driver_stats')}`),
    );
    const lost = await open();
    const target = { runId: lost, view: 'driver_stats', pipeline: pipelineName };
    await store.steps.ingest(target);
    await store.steps.clean(target);
    await store.steps.exploreAndValidate(target);
    const winner = await open();
    await expect(store.steps.publish(target)).rejects.toBeInstanceOf(FencedError);
    expect(await count('driver_stats')).toBe(0);
    expect((await steps(winner, 'driver_stats')).publish.published).toBe(1_805);
    await expect(store.steps.publish(target)).rejects.toThrow(/nothing was published/);
    expect(await count('driver_stats')).toBe(1_805);
  });

  it('applies the transform of a stream view to rows of its batch source', async () => {
    const done = await steps(await open(), 'driver_stats_stream');
    expect(done.clean).toMatchObject({ rowsIn: 1_807, duplicates: 2, rowsOut: 1_805 });
    expect(done.explore.quality).toBe('passed');
    expect(done.publish.published).toBe(1_805);
    const [row] = await store.lake.all<{ different: bigint }>(
      `SELECT count(*) AS different FROM ${store.lake.table('driver_stats')} AS f
       JOIN ${store.lake.table('driver_stats_stream')} AS p USING (driver_id, event_timestamp, created_timestamp)
       WHERE p.conv_rate <> (f.conv_rate::DOUBLE * 100)::FLOAT OR p.acc_rate <> (f.acc_rate::DOUBLE * 100)::FLOAT`,
    );
    expect(row?.different).toBe(0n);
  });

  it('names what is missing when a step is called too early', async () => {
    const target = { runId: await open(), view: 'driver_stats', pipeline: pipelineName };
    await expect(store.steps.publish(target)).rejects.toThrow(/left no result|can't be read|No files found/);
    expect(existsSync(path.join(project.root, '.asof', 'staging', target.runId, 'driver_stats', 'publish.json'))).toBe(
      false,
    );
  });
});
