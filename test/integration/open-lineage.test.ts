import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type FeatureStore,
  lineageOf,
  type OpenLineageEvent,
  openFeatureStore,
  openLineageEvent,
  sendOpenLineage,
} from '../../src/index.js';
import { runUuid, safeMessage } from '../../src/lineage/open-lineage/job-facets.js';
import { type SampleProject, sampleProject } from '../support/cli.js';
import { openLineageFaults } from '../support/open-lineage.js';
import { startReceiver } from '../support/receiver.js';

const at = '2024-01-02T00:00:00.000Z';
const interval = { start: '2024-01-01T00:00:00Z', end: '2024-01-02T00:00:00Z' };
/** Numbers and texts that are nowhere but in rows. */
const secrets = ['98765.25', '12345.75', 'Grace Hopper', 'Ada Lovelace', '770077'];

const definitions = `
import { between, entity, featureView, fileSource, float32, int64, kafkaSource, manual, notNull, pipeline, streamFeatureView, string, timestamp } from 'asof';
const person = entity({ name: 'person', joinKeys: { person_id: int64() } });
const people = fileSource({ name: 'people', path: 'data/people.ndjson', timestampField: 'at', owner: 'hr@example.com',
  pii: { salary: 'mask', full_name: 'hash' } });
export const salaries = featureView({ name: 'salaries', entities: [person], source: people, owner: 'hr@example.com',
  features: { salary: string(), full_name: string(), bonus: float32(), town: string() },
  expect: [notNull('bonus'), between('bonus', 0, 20, { severity: 'warn' })] });
export const loadPeople = pipeline({ name: 'load_people', workflow: 'dbToOfflineStore', args: { views: ['salaries'] },
  schedule: manual(), owner: 'hr@example.com', description: 'What people are paid' });
const calls = kafkaSource({ name: 'calls', topic: 'calls', timestampField: 'at', pii: { phone: 'hash', mail: 'drop' },
  event: { person_id: int64(), at: timestamp(), phone: string(), mail: string() } });
export const newestCall = streamFeatureView({ name: 'newest_call', entities: [person], source: calls, features: { phone: string() } });
export const firstCall = streamFeatureView({ name: 'first_call', entities: [person], source: calls, features: { caller: string() },
  transform: ({ phone }) => ({ caller: phone }) });
export const streamFirst = pipeline({ name: 'stream_first', workflow: 'streamToStores', args: { view: 'first_call' }, schedule: manual() });
export const streamCalls = pipeline({ name: 'stream_calls', workflow: 'streamToStores', args: { view: 'newest_call' }, schedule: manual() });
`;

describe('OpenLineage events', () => {
  let project: SampleProject;
  let store: FeatureStore;

  beforeAll(async () => {
    process.env['ASOF_PII_KEY'] = 'a key of sixteen letters and more';
    project = sampleProject();
    project.write('feature_repo/people.ts', definitions);
    const person = (person_id: number, salary: string, full_name: string, bonus: number) =>
      JSON.stringify({ person_id, at: interval.start, salary, full_name, bonus, town: full_name });
    project.write(
      'data/people.ndjson',
      [person(1, '98765.25', 'Grace Hopper', 1.5), person(770077, '12345.75', 'Ada Lovelace', 30)].join('\n'),
    );
    store = await openFeatureStore(path.join(project.root, 'feature_repo'));
    await store.apply();
  });
  afterAll(async () => {
    await store.close();
    project.close();
  });

  async function open(name: string, runId: string = randomUUID()): Promise<string> {
    const pipeline = store.repo.pipelines.get(name)!;
    const views = (pipeline.args['views'] ?? [pipeline.args['view']]) as string[];
    const request = {
      pipeline,
      runId,
      workflowId: `w/${runId}`,
      nominalTime: interval.end,
      interval,
      registryVersion: 1,
      views,
    };
    await store.runs.open(request, async () => false);
    return runId;
  }
  async function load(name: string, view: string): Promise<string> {
    const runId = await open(name);
    const target = { runId, view, pipeline: name };
    await store.steps.ingest(target);
    await store.steps.clean(target);
    await store.steps.exploreAndValidate(target);
    await store.steps.publish(target);
    return runId;
  }
  async function close(
    pipeline: string,
    runId: string,
    status: 'completed' | 'failed',
    more: object = {},
  ): Promise<void> {
    await store.runs.close({ pipeline, runId, workflowId: `w/${runId}`, status, steps: [], published: 0, ...more });
  }
  /** Made twice, the same; by the schemas. */
  async function event(runId: string, type: OpenLineageEvent['eventType']): Promise<OpenLineageEvent> {
    const made = await openLineageEvent(store, { runId, type, at });
    expect(openLineageFaults(made)).toEqual([]);
    expect(await openLineageEvent(store, { runId, type, at })).toEqual(made);
    return made;
  }

  it('are told to be wrong by the schemas when they are', async () => {
    const made = await event(await open('db_to_offline_store'), 'START');
    const broken = { ...made, run: { ...made.run, runId: 'one' }, eventType: 'BEGIN' };
    expect(openLineageFaults(broken as never).join('\n')).toMatch(/runId must match format "uuid"/);
    const facets = { ...made.run.facets, nominalTime: { ...made.run.facets['nominalTime'], nominalStartTime: 'now' } };
    expect(openLineageFaults({ ...made, run: { ...made.run, facets } })).not.toEqual([]);
    const again = { ...made.run.facets, misspelt: made.run.facets['nominalTime']! };
    expect(openLineageFaults({ ...made, run: { ...made.run, facets: again } }).join('\n')).toMatch(/no key misspelt/);
    await close('db_to_offline_store', made.run.runId, 'failed');
  });

  it('tell of a load: what it read and how good it was, what it wrote and of which columns', async () => {
    const runId = await load('db_to_offline_store', 'driver_stats');
    const start = await event(runId, 'START');
    expect(start).toMatchObject({
      eventType: 'START',
      run: { runId },
      job: { namespace: 'drivers', name: 'db_to_offline_store' },
    });
    await close('db_to_offline_store', runId, 'completed', { published: 1_805, quality: 'passed' });
    const { inputs, outputs, run, job } = await event(runId, 'COMPLETE');
    expect(run.facets).toMatchObject({
      nominalTime: { nominalStartTime: '2024-01-01T00:00:00.000Z', nominalEndTime: at },
      processing_engine: { name: 'asof' },
    });
    expect(run.facets['errorMessage']).toBeUndefined();
    expect(job.facets).toMatchObject({
      jobType: { processingType: 'BATCH', integration: 'ASOF' },
      ownership: { owners: [{ name: 'mlops@example.com' }] },
      documentation: { description: expect.stringContaining('hourly statistics') },
    });
    const [input] = inputs;
    expect(inputs).toHaveLength(1);
    expect(input).toMatchObject({
      namespace: 'file',
      name: path.join(store.repo.projectRoot, 'data/driver_stats.parquet'),
    });
    expect(input?.facets).toMatchObject({
      version: { datasetVersion: expect.stringMatching(/^[0-9a-f]{64}$/) },
      schema: { fields: expect.arrayContaining([{ name: 'conv_rate', type: 'DOUBLE' }]) },
    });
    expect(input?.inputFacets).toMatchObject({
      inputStatistics: { rowCount: 1_807, fileCount: 1 },
      dataQualityMetrics: {
        rowCount: 1_805,
        columnMetrics: {
          driver_id: { nullCount: 0, distinctCount: 5, count: 1_805 },
          acc_rate: { min: expect.any(Number), max: expect.any(Number), quantiles: { '0.5': expect.any(Number) } },
        },
      },
      dataQualityAssertions: {
        assertions: expect.arrayContaining([
          expect.objectContaining({
            assertion: 'not_null',
            column: 'driver_id',
            success: true,
            name: 'notNull(driver_id)',
          }),
        ]),
      },
    });
    const [output] = outputs;
    const snapshot = (await store.lake.one<{ at: bigint }>(
      `SELECT snapshot_id AS at FROM ${store.lake.system('publications')} WHERE run_id = $1`,
      [runId],
    ))!.at;
    expect(output?.facets).toMatchObject({
      version: { datasetVersion: String(snapshot) },
      columnLineage: {
        fields: {
          event_timestamp: { inputFields: [{ name: input?.name, field: 'datetime' }] },
          conv_rate: {
            inputFields: [
              { field: 'conv_rate', transformations: [{ type: 'DIRECT', subtype: 'IDENTITY', masking: false }] },
            ],
          },
        },
      },
    });
    expect(output?.outputFacets).toMatchObject({ outputStatistics: { rowCount: 1_805 } });
  });

  it('tell nothing of the values of rows that are somebody’s', async () => {
    const runId = await load('load_people', 'salaries');
    await close('load_people', runId, 'failed', {
      message: 'column "salary": "98765.25" of redis://me:pw@host is none',
    });
    for (const type of ['START', 'COMPLETE', 'FAIL'] as const) {
      const made = await event(runId, type);
      const text = JSON.stringify(made);
      for (const secret of [...secrets, 'me:pw']) expect(text).not.toContain(secret);
      const metrics = made.inputs[0]?.inputFacets?.['dataQualityMetrics'] as { columnMetrics: Record<string, object> };
      expect(metrics.columnMetrics['bonus']).toMatchObject({ min: 1.5, max: 30 });
      for (const column of ['person_id', 'salary', 'full_name', 'town', 'event_timestamp'])
        expect(Object.keys(metrics.columnMetrics[column] ?? {}).sort()).toEqual([
          'count',
          'distinctCount',
          'nullCount',
        ]);
      expect(made.outputs[0]?.facets['columnLineage']).toMatchObject({
        fields: { full_name: { inputFields: [{ transformations: [{ masking: true }] }] } },
      });
    }
    expect((await event(runId, 'FAIL')).run.facets['errorMessage']).toMatchObject({
      message: 'column "…": "…" of redis://…@host is none',
    });
  });

  it('tell nothing of a stream’s personal data either, which has no batch source', async () => {
    const runId = await open('stream_calls');
    await close('stream_calls', runId, 'failed', { message: 'phone "+41 79 000 00 00" is none' });
    const made = await event(runId, 'FAIL');
    expect(made.run.facets['errorMessage']).toMatchObject({ message: 'phone "…" is none' });
    const { nodes } = await lineageOf(store, { name: 'newest_call:phone' });
    const column = nodes.find(({ kind }) => kind === 'column');
    expect(column?.detail).toMatchObject({ source: 'calls', columns: ['phone'], pii: { phone: 'hash' } });
  });

  it('tell of a feature that a transform makes that it may be made of all fields that the transform sees', async () => {
    const runId = await open('stream_first');
    const { outputs } = await event(runId, 'START');
    const { fields = {} } = (outputs[0]?.facets['columnLineage'] ?? {}) as {
      fields?: Record<string, { inputFields: { field: string; transformations: object[] }[] }>;
    };
    // Not of what is dropped, which the transform never sees.
    expect(fields['caller']?.inputFields.map(({ field }) => field)).toEqual(['person_id', 'at', 'phone']);
    const description = expect.stringContaining('which of its fields it takes for this column is not known');
    for (const { field, transformations } of fields['caller']?.inputFields ?? [])
      expect(transformations).toEqual([
        { type: 'DIRECT', subtype: 'TRANSFORMATION', masking: field === 'phone', description },
      ]);
    // The transform has no part in keys and times.
    for (const [column, field] of [
      ['person_id', 'person_id'],
      ['event_timestamp', 'at'],
    ] as const)
      expect(fields[column]?.inputFields).toMatchObject([{ field, transformations: [{ subtype: 'IDENTITY' }] }]);
    const { nodes } = await lineageOf(store, { name: 'first_call:caller' });
    expect(nodes.find(({ kind }) => kind === 'column')?.detail['columns']).toEqual(['person_id', 'at', 'phone']);
  });

  it('tell of streams and of what is brought online', async () => {
    const stream = await open('stream_to_stores');
    const read = await event(stream, 'RUNNING');
    expect(read).toMatchObject({ eventTime: at, job: { facets: { jobType: { processingType: 'STREAMING' } } } });
    expect(read.inputs[0]?.name).toMatch(/streams\/drivers\/drivers$/);
    expect(read.outputs).toHaveLength(2);
    expect(read.outputs[0]?.facets['columnLineage']).toMatchObject({
      fields: {
        driver_id: { inputFields: [{ field: 'driver_id' }] },
        acc_rate: { inputFields: expect.arrayContaining([expect.objectContaining({ field: 'conv_rate' })]) },
      },
    });
    const online = await open('materialize_offline_to_online');
    const step = {
      name: 'materialize',
      view: 'driver_stats',
      attempts: 1,
      rowsIn: 5,
      rowsOut: 5,
      durationMs: 1,
      snapshot: 7,
    };
    await close('materialize_offline_to_online', online, 'completed', { steps: [step] });
    const { inputs, outputs } = await event(online, 'COMPLETE');
    expect(inputs[0]?.facets['version']).toMatchObject({ datasetVersion: '7' });
    expect(outputs[0]).toMatchObject({
      name: expect.stringMatching(/online\/drivers\/driver_stats$/),
      outputFacets: { outputStatistics: { rowCount: 5 } },
      facets: {
        columnLineage: { fields: { acc_rate: { inputFields: [{ name: inputs[0]?.name, field: 'acc_rate' }] } } },
      },
    });
  });

  it('name what started the run: a backfill, or the run it follows', async () => {
    const upstream = await open('db_to_offline_store');
    const run = await open('materialize_offline_to_online');
    const backfillId = randomUUID();
    await store.lake.transaction({ message: 'as if started' }, async (session) => {
      await session.run(
        `INSERT INTO ${store.lake.system('dispatches')} VALUES ('materialize_offline_to_online', 'd', $1, now(), now(), $2, now())`,
        [upstream, `w/${run}`],
      );
      await session.run(
        `INSERT INTO ${store.lake.system('run_events')} VALUES ($1, 'w/backfill', 'db_to_offline_store', now(), 'backfill_opened', '{}')`,
        [backfillId],
      );
    });
    const following = await event(run, 'START');
    expect(following.run.facets['parent']).toMatchObject({
      run: { runId: upstream },
      job: { namespace: 'drivers', name: 'db_to_offline_store' },
    });
    const made = await openLineageEvent(store, { runId: upstream, type: 'START', at, parentWorkflowId: 'w/backfill' });
    expect(openLineageFaults(made)).toEqual([]);
    expect(made.run.facets['parent']).toMatchObject({
      run: { runId: backfillId },
      job: { name: 'db_to_offline_store.backfill' },
    });
    await close('db_to_offline_store', upstream, 'failed');
    await close('materialize_offline_to_online', run, 'failed');
  });

  it('are sent to a server with its key, or added to a file', async () => {
    const made = await event(await open('verify_online_offline'), 'START');
    const receiver = await startReceiver();
    const to = (openLineage: object) =>
      ({ ...store.repo, config: { ...store.repo.config, lineage: { openLineage } } }) as never;
    const environment = { URL: `${receiver.url}/base/`, KEY: 'k-1' };
    try {
      const server = to({ url: { env: 'URL' }, apiKey: { env: 'KEY' } });
      expect(await sendOpenLineage(server, made, { environment })).toMatchObject({ delivered: true });
      const [request] = receiver.at('/base/api/v1/lineage');
      expect(request?.headers['authorization']).toBe('Bearer k-1');
      expect(JSON.parse(request?.body ?? '')).toEqual(made);
      receiver.answer('/base/api/v1/lineage', 503);
      expect(await sendOpenLineage(server, made, { environment })).toMatchObject({
        error: { name: 'StoreUnavailableError' },
      });
      receiver.answer('/base/api/v1/lineage', 401);
      expect(await sendOpenLineage(server, made, { environment })).toMatchObject({
        error: { name: 'DefinitionError' },
      });
      expect(await sendOpenLineage(server, made, { environment: {} })).toMatchObject({
        error: { name: 'DefinitionError' },
      });
      for (let n = 0; n < 2; n += 1) await sendOpenLineage(to({ file: '.asof/deep/events.ndjson' }), made);
    } finally {
      await receiver.close();
    }
    const lines = readFileSync(path.join(store.repo.projectRoot, '.asof/deep/events.ndjson'), 'utf8')
      .trim()
      .split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual([made, made]);
  });

  it('have an id of a run that is always the same UUID', () => {
    const id = '01a2197b-4584-7290-a30e-c1e2089bbb6a';
    expect(runUuid(id)).toBe(id);
    expect(runUuid('push-1')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(runUuid('push-1')).toBe(runUuid('push-1'));
    expect(runUuid('push-2')).not.toBe(runUuid('push-1'));
    expect(safeMessage('x', false)).toBe('x');
  });
});
