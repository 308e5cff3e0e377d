import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type AsofError,
  type FeatureStore,
  type OpenLineageEvent,
  openFeatureStore,
  tellMaterialize,
} from '../../src/index.js';
import { type CliResult, runCli, type SampleProject, sampleProject } from '../support/cli.js';
import { openLineageFaults } from '../support/open-lineage.js';
import { type Receiver, startReceiver } from '../support/receiver.js';

const endpoint = '/api/v1/lineage';

describe('lineage of what is done without a pipeline', () => {
  let project: SampleProject;
  let store: FeatureStore;
  let receiver: Receiver;
  let seen = 0;

  beforeAll(async () => {
    receiver = await startReceiver();
    process.env['OPENLINEAGE_URL'] = receiver.url;
    project = sampleProject();
    await project.ok('apply');
    store = await openFeatureStore(path.join(project.root, 'feature_repo'));
  });
  afterEach(() => receiver.answer(endpoint, 200));
  afterAll(async () => {
    delete process.env['OPENLINEAGE_URL'];
    await store.close();
    project.close();
    await receiver.close();
  });

  /** Those that came since they were asked for last. */
  function events(): OpenLineageEvent[] {
    const all = receiver.at(endpoint);
    const fresh = all.slice(seen).map(({ body }) => JSON.parse(body) as OpenLineageEvent);
    seen = all.length;
    expect(fresh.flatMap(openLineageFaults)).toEqual([]);
    return fresh;
  }
  const kinds = () => events().map(({ eventType }) => eventType);
  const materialize = (url = receiver.url): Promise<CliResult> =>
    runCli(['materialize', '--views', 'driver_stats', '--json'], { cwd: project.root, env: { OPENLINEAGE_URL: url } });

  it('is none of a push, nor of what is read', async () => {
    await project.ok('push', 'driver_stats', '--file', 'data/driver_stats.parquet');
    const set = ['--entities', 'data/driver_orders.csv', '--out', 'set.parquet', '--save-as', 'set'];
    await project.ok('get-historical-features', '--service', 'driver_ranking', ...set);
    await project.ok('get-online-features', '--service', 'driver_ranking', '--key', 'driver_id=1001');
    expect(events()).toEqual([]);
    expect((await project.ok('lineage', 'set')).stdout).toMatch(/training set set/);
  });

  it('is a run of its own of each view that `asof materialize` brings online', async () => {
    expect(await materialize()).toMatchObject({ code: 0, stderr: '' });
    const [start, complete, ...more] = events();
    expect(more).toEqual([]);
    expect([start?.eventType, complete?.eventType]).toEqual(['START', 'COMPLETE']);
    expect(complete?.run.runId).toBe(start?.run.runId);
    expect(complete?.job).toMatchObject({
      namespace: 'drivers',
      name: 'materialize.driver_stats',
      facets: { jobType: { processingType: 'BATCH', jobType: 'COMMAND' } },
    });
    expect(complete?.run.facets['nominalTime']).toBeUndefined();
    const version = complete?.inputs[0]?.facets['version']?.['datasetVersion'];
    expect(Number(version)).toBeGreaterThan(0);
    expect(complete?.outputs[0]).toMatchObject({
      name: expect.stringMatching(/online\/drivers\/driver_stats$/),
      facets: { version: { datasetVersion: version } },
      outputFacets: { outputStatistics: { rowCount: expect.any(Number) } },
    });
  });

  it('is tried again, and what can not be sent is a warning that says so', async () => {
    receiver.answer(endpoint, 503, 200);
    expect(await materialize()).toMatchObject({ code: 0, stderr: '' });
    expect(kinds().sort()).toEqual(['COMPLETE', 'START', 'START']);
    receiver.answer(endpoint, 401);
    const refused = await materialize();
    expect(refused.json()).toMatchObject({ views: [{ view: 'driver_stats' }] });
    expect(refused).toMatchObject({ code: 0 });
    expect(refused.stderr).toMatch(
      /^asof: OpenLineage was not told START and COMPLETE of run \S+ of materialize.driver_stats: .+ answered 401\n {2}→ .+; nothing sends them later\n$/,
    );
    expect(kinds()).toEqual(['START', 'COMPLETE']);
    const away = await materialize('http://someone:secret@127.0.0.1:9');
    expect(away).toMatchObject({ code: 0, stderr: expect.stringContaining('was not told START and COMPLETE') });
    expect(away.stderr).not.toContain('secret');
  });

  it('tells why it failed, and that it was ended', async () => {
    const warned: AsofError[] = [];
    const warn = (error: AsofError): void => void warned.push(error);
    const failing = async () => {
      throw new Error('the disk is full');
    };
    await expect(tellMaterialize(store, 'driver_stats', failing, { warn })).rejects.toThrow('the disk is full');
    const [, failed] = events();
    expect(failed?.eventType).toBe('FAIL');
    expect(failed?.run.facets['errorMessage']).toMatchObject({ message: 'the disk is full' });
    const signal = AbortSignal.abort(new Error('interrupted'));
    const aborted = () => signal.throwIfAborted() as never;
    await expect(tellMaterialize(store, 'driver_stats', async () => aborted(), { warn, signal })).rejects.toThrow();
    expect(kinds()).toEqual(['START', 'ABORT']);
    expect(warned).toEqual([]);
  });
});
