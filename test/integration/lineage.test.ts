import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lineageMermaid } from '../../src/cli/lineage-mermaid.js';
import { lineageTree } from '../../src/cli/lineage-tree.js';
import {
  type FeatureStore,
  type LineageGraph,
  type LineageNode,
  type LineageRequest,
  lineageOf,
  openFeatureStore,
} from '../../src/index.js';
import { type SampleProject, sampleProject } from '../support/cli.js';

const hour = (n: number): string => new Date(Date.UTC(2024, 0, 1, n)).toISOString();
const driver = (driver_id: number, n: number) => ({
  ...{ driver_id, datetime: hour(n), created: hour(n), conv_rate: 0.5, acc_rate: 0.25 },
});

describe('lineage', () => {
  let project: SampleProject;
  let store: FeatureStore;
  const runId = randomUUID();
  const snapshots: number[] = [];

  beforeAll(async () => {
    project = sampleProject();
    store = await openFeatureStore(path.join(project.root, 'feature_repo'));
    await store.apply();
    const pipeline = store.repo.pipelines.get('db_to_offline_store')!;
    const interval = { start: hour(0), end: hour(24) };
    const request = { pipeline, runId, workflowId: 'w', nominalTime: interval.end, interval, registryVersion: 1 };
    await store.runs.open({ ...request, views: ['driver_stats'] }, async () => false);
    const target = { runId, view: 'driver_stats', pipeline: pipeline.name };
    await store.steps.ingest(target);
    await store.steps.clean(target);
    await store.steps.exploreAndValidate(target);
    snapshots.push((await store.steps.publish(target)).snapshot);
    const rows = [{ ...driver(1001, 1), avg_daily_trips: 3 }];
    project.write('data/push.ndjson', rows.map((row) => JSON.stringify(row)).join('\n'));
    snapshots.push(
      (await store.steps.push('driver_stats', path.join(project.root, 'data/push.ndjson'), 'one')).snapshot,
    );
    // Two runs read the stream one after the other.
    for (const [run, from] of [
      ['first', 0],
      ['second', 3],
    ] as const) {
      const producer = await store.openProducer('drivers');
      const events = [0, 1, 2].map((n) => ({ key: '1001', value: JSON.stringify(driver(1001, from + n)) }));
      await producer.send(events as never);
      await producer.close();
      for (let slice = 0; slice < 2; slice += 1)
        await store.steps.consumeStream({ runId: run, view: 'driver_stats_stream' }, { sliceMs: 0, untilEnd: true });
    }
    await store.materialize({ views: ['driver_stats'] });
    await store.writeHistoricalFeatures(
      store.service('driver_ranking'),
      [{ driver_id: 1001, event_timestamp: new Date() }],
      { type: 'file', path: path.join(project.root, 'set.parquet') },
      { saveAs: 'ranking_set', asOfSnapshot: snapshots[0] as number },
    );
  });
  afterAll(async () => {
    await store.close();
    project.close();
  });

  const node = (graph: LineageGraph, kind: string, index = 0): LineageNode | undefined =>
    graph.nodes.filter((one) => one.kind === kind)[index];
  const tell = (request: LineageRequest) => lineageOf(store, request);
  /** The kinds on the way from the focus, one letter an edge. */
  const edges = ({ edges: all }: LineageGraph) =>
    all.map(({ from, to }) => `${from.split('/')[0]} → ${to.split('/')[0]}`);

  it('tells what a view comes from and where it goes', async () => {
    const graph = await tell({ name: 'driver_stats' });
    expect(graph.focus).toBe('view:driver_stats');
    const code = { hash: expect.stringMatching(/^[0-9a-f]{16}$/) };
    // The newest first.
    expect(node(graph, 'publication', 0)?.detail).toMatchObject({
      ...{ runId: 'push-one', push: true, snapshot: snapshots[1], published: 1, definitions: 1, code },
    });
    expect(node(graph, 'publication', 1)?.detail).toMatchObject({
      ...{ runId, pipeline: 'db_to_offline_store', snapshot: snapshots[0], published: 1_805, alreadyThere: 0 },
      ...{ interval: { start: hour(0), end: hour(24) }, definitions: 1, code, source: 'driver_stats' },
      read: {
        path: 'data/driver_stats.parquet',
        rows: 1_807,
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        bytes: expect.any(Number),
      },
    });
    const upstream = node(graph, 'publication', 1)?.detail['upstreamSnapshot'] as number;
    expect(upstream).toBeLessThan(snapshots[0] as number);
    expect(edges(graph)).toEqual(
      expect.arrayContaining([
        'source:push → publication:push-one',
        `source:driver_stats → publication:${runId}`,
        `publication:${runId} → view:driver_stats`,
        'view:driver_stats → service:driver_ranking',
        'view:driver_stats → service:driver_ranking_fresh',
        'view:driver_stats → online:driver_stats',
        'view:driver_stats → training_set:ranking_set',
      ]),
    );
    expect(node(graph, 'online')?.detail).toMatchObject({ engine: 'lmdb', snapshot: expect.any(Number) });
    const bounded = await tell({ name: 'driver_stats', last: 1 });
    expect(bounded.nodes.filter(({ kind }) => kind === 'publication')).toHaveLength(1);
    expect(node(bounded, 'view')?.detail['olderNotShown']).toBe(1);
  });

  it('tells what a version came from', async () => {
    const graph = await tell({ name: 'driver_stats', asOfSnapshot: snapshots[0] });
    expect(graph.asOfSnapshot).toBe(snapshots[0]);
    expect(graph.nodes.filter(({ kind }) => kind === 'publication').map(({ detail }) => detail['runId'])).toEqual([
      runId,
    ]);
    const set = await tell({ name: 'ranking_set' });
    expect(set).toMatchObject({ focus: 'training_set:ranking_set', asOfSnapshot: snapshots[0] });
    expect(edges(set)).toEqual([
      `source:driver_stats → publication:${runId}`,
      `publication:${runId} → view:driver_stats`,
      'view:driver_stats → training_set:ranking_set',
    ]);
  });

  it('tells which events which run read of a stream, also at a snapshot', async () => {
    const ranges = (graph: LineageGraph) =>
      graph.nodes.flatMap(({ kind, detail }) =>
        kind === 'stream_read' ? [[detail['runId'], detail['partitions']]] : [],
      );
    const now = ranges(await tell({ name: 'driver_stats_stream' })) as [string, { from: number; to: number }[]][];
    expect(now.map(([run]) => run)).toEqual(['second', 'first']);
    const [second, first] = now.map(([, partitions]) => partitions[0]);
    // Offsets of a file are bytes: one run begins where the other ended.
    expect(first).toMatchObject({ partition: 0, from: 0, to: second?.from });
    expect(second?.to).toBeGreaterThan(second?.from ?? 0);
    const held = await store.lake.one<{ first: bigint }>(
      `SELECT min(snapshot_id) AS first FROM ${store.lake.table('driver_stats_stream')}`,
    );
    const then = ranges(await tell({ name: 'driver_stats_stream', asOfSnapshot: Number(held?.first) }));
    expect(then.map(([run]) => run)).toEqual(['first']);
  });

  it('tells of which columns a feature is made, and by what', async () => {
    const plain = await tell({ name: 'driver_stats:acc_rate' });
    expect(edges(plain).slice(0, 2)).toEqual([
      'source:driver_stats → column:driver_stats.acc_rate',
      'column:driver_stats.acc_rate → feature:driver_stats:acc_rate',
    ]);
    expect(node(plain, 'feature')?.detail).toMatchObject({
      type: 'float32',
      expectations: ['between(acc_rate, 0, 1)', 'missingRatio(acc_rate, below 0.8)'],
    });
    const made = await tell({ name: 'driver_stats_stream:conv_rate' });
    expect(node(made, 'transform')?.detail).toMatchObject({ file: 'feature_repo/features.ts', function: 'transform' });
    expect(edges(made)).toContain('transform:driver_stats_stream → feature:driver_stats_stream:conv_rate');
  });

  it('tells of services, sources and runs', async () => {
    const service = await tell({ name: 'driver_ranking' });
    expect(edges(service)).toEqual(
      expect.arrayContaining([
        'view:driver_stats → service:driver_ranking',
        'service:driver_ranking → online:driver_stats',
        'service:driver_ranking → training_set:ranking_set',
      ]),
    );
    // A source of the same name as a view would be the view.
    const source = await tell({ name: 'driver_stats_stream:acc_rate' });
    expect(source.focus).toBe('feature:driver_stats_stream:acc_rate');
    const run = await tell({ name: runId.slice(0, 8) });
    expect(edges(run)).toEqual([
      `source:driver_stats → publication:${runId}`,
      `publication:${runId} → run:${runId}`,
      `run:${runId} → view:driver_stats`,
    ]);
  });

  it('names what is near when nothing has the name', async () => {
    await expect(tell({ name: 'drver_stats' })).rejects.toThrow(/nothing is called "drver_stats"/);
    await expect(tell({ name: 'drver_stats' })).rejects.toMatchObject({
      mend: expect.stringContaining('did you mean "driver_stats"?'),
    });
    await expect(tell({ name: 'driver_stats:conv_rat' })).rejects.toMatchObject({
      mend: expect.stringContaining('did you mean "driver_stats:conv_rate"?'),
    });
    await expect(tell({ name: 'driver_stats', asOfTime: new Date('2001-01-01') })).rejects.toThrow(
      /does not know how it was/,
    );
  });

  it('refuses a snapshot that is still to come', async () => {
    await expect(tell({ name: 'driver_stats', asOfSnapshot: 99_999 })).rejects.toThrow(/has no snapshot 99999/);
  });

  it('fits a terminal, and Mermaid', async () => {
    for (const name of ['driver_stats', 'driver_ranking', 'driver_stats_stream:conv_rate', 'ranking_set', runId]) {
      const graph = await tell({ name });
      const lines = lineageTree(graph, 80);
      // Paths may be longer than a line.
      for (const line of lines.filter((one) => !one.includes(project.root)))
        expect(line.length).toBeLessThanOrEqual(80);
      expect(lines).toContain('comes from');
      const chart = lineageMermaid(graph).split('\n');
      expect(chart[0]).toBe('flowchart LR');
      expect(chart).toHaveLength(2 + graph.nodes.length + graph.edges.length);
    }
    const odd = { id: 'view:x', kind: 'view', name: 'a"]; click <b>', detail: {} } as const;
    expect(lineageMermaid({ focus: odd.id, asOfSnapshot: undefined, nodes: [odd], edges: [] })).toContain(
      'n0[("view a#34;#93;#59; click #60;b#62;")]',
    );
  });
});
