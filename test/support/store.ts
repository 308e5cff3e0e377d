import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { columnDefinitions, type FeatureTable, tableName } from '../../src/definitions/feature-table.js';
import { type FeatureStore, openFeatureStore } from '../../src/index.js';
import { appendColumns } from '../../src/lake/append-columns.js';
import { tempTable } from '../../src/lake/index.js';
import { writeParquet } from '../../src/lake/parquet-file.js';
import { DuckLakeOfflineStore } from '../../src/offline-store/ducklake-offline-store.js';
import type { PublishResult } from '../../src/offline-store/offline-store.js';
import type { Stores } from '../../src/sync/index.js';
import { int64, type Schema, timestamp } from '../../src/types.js';

/** Which engines a test's project runs on; default: the embedded ones. */
export interface TestEngines {
  /** Names the combination in test titles, e.g. `Redis × file × Postgres`. */
  readonly name: string;
  /** Fields of featureStoreConfig beside the project, as text of TypeScript: `onlineStore: { type: 'redis', url: env('X') },`. */
  readonly settings: string;
  /** What those settings read; put into this process's environment while a project is open. */
  readonly environment: Readonly<Record<string, string>>;
}

export const embedded: TestEngines = { name: 'LMDB × file × SQLite', settings: '', environment: {} };

/** What varies between the projects of tests; text of TypeScript. */
export interface Definitions {
  readonly keys?: string;
  readonly features?: string;
  readonly expect?: string;
  /** Options of the batch view. */
  readonly view?: string;
  /** Fields of an event beside the key and its times. */
  readonly event?: string;
  readonly streamFeatures?: string;
  readonly transform?: string;
  /** Options of the stream's source and view. */
  readonly source?: string;
  readonly stream?: string;
}

/**
 * One entity, the batch view `stats` fed by `data/stats.ndjson` and the stream view `scores` of topic `scores`, which has the same
 * features and `data/scores.ndjson` as batch source. Event times are called `at`, created times `made`.
 */
export const definitionsText = ({
  keys = 'user_id: int64()',
  features = 'a: int32(), b: string()',
  expect = '[]',
  view = '',
  event = 'a: nullable(int32()), b: nullable(string())',
  streamFeatures = 'a: int32(), b: string()',
  transform,
  source = '',
  stream = '',
  project = 'test',
  topic = 'scores',
  settings = '',
}: Definitions & { readonly project?: string; readonly topic?: string; readonly settings?: string } = {}): string => `
import * as asof from 'asof';
const { between, bool, daily, entity, env, featureStoreConfig, featureView, fileSource, float32, float64, int32, int64, kafkaSource, list,
  manual, notNull, nullable, pipeline, rowCount, streamFeatureView, string, timestamp, unique } = asof as any;

export default featureStoreConfig({ project: '${project}', ${settings} });
export const user = entity({ name: 'user', joinKeys: { ${keys} } });
const file = (name: string) =>
  fileSource({ name: name + '_file', path: 'data/' + name + '.ndjson', timestampField: 'at', createdTimestampField: 'made' });
export const stats = featureView({ name: 'stats', entities: [user], source: file('stats'), features: { ${features} }, expect: ${expect}, ${view} });
export const scores = streamFeatureView({ name: 'scores', entities: [user], features: { ${streamFeatures} },
  source: kafkaSource({ topic: '${topic}', timestampField: 'at', createdTimestampField: 'made', batchSource: file('scores'),
    event: { ${keys}, at: timestamp(), made: nullable(timestamp()), ${event} }, ${source} }),
  ${transform === undefined ? '' : `transform: ${transform},`} ${stream} });
export const load = pipeline({ name: 'load', workflow: 'dbToOfflineStore', args: { views: ['stats', 'scores'] }, schedule: manual() });
`;

/** A project of its own in a temporary folder, its definitions applied. */
export class TestStore {
  readonly root = mkdtempSync(path.join(os.tmpdir(), 'asof-store-'));
  readonly repo = path.join(this.root, 'feature_repo');
  readonly engines: TestEngines;
  /** Shared servers hold the projects of many tests, so each has a name of its own there. */
  readonly project: string;
  /** Of the stream view `scores`. */
  readonly topic: string;
  store!: FeatureStore;

  private constructor(engines: TestEngines) {
    this.engines = engines;
    this.project = engines === embedded ? 'test' : `test_${randomUUID().slice(0, 8)}`;
    this.topic = engines === embedded ? 'scores' : `${this.project}_scores`;
  }

  static async open(definitions: Definitions = {}, engines: TestEngines = embedded): Promise<TestStore> {
    const made = new TestStore(engines);
    Object.assign(process.env, engines.environment);
    mkdirSync(made.repo);
    mkdirSync(path.join(made.root, 'data'));
    writeFileSync(path.join(made.root, 'package.json'), '{}');
    await made.define(definitions);
    return made;
  }

  /** Other definitions, loaded and applied by a store opened anew. */
  async define(definitions: Definitions): Promise<void> {
    const { project, topic, engines } = this;
    const text = definitionsText({ ...definitions, project, topic, settings: engines.settings });
    writeFileSync(path.join(this.repo, 'definitions.ts'), text);
    await this.reopen();
  }

  /** A store opened anew, as another process would; the definitions are applied. */
  async reopen(): Promise<void> {
    await (this.store as FeatureStore | undefined)?.close();
    this.store = await openFeatureStore(this.repo);
    await this.store.apply();
  }

  /** The same project, opened once more, as another process would; to be closed by the caller. */
  another(): Promise<FeatureStore> {
    return openFeatureStore(this.repo);
  }

  get stateDir(): string {
    return path.join(this.root, '.asof');
  }

  /** A file of this project's own. */
  file(name = `${randomUUID()}.parquet`): string {
    return path.join(this.root, name);
  }

  async table(view: string): Promise<FeatureTable> {
    return (await this.store.view(view)).table;
  }

  async stores(): Promise<Stores> {
    const { lake } = this.store;
    return { lake, offline: new DuckLakeOfflineStore(lake), online: await this.store.online() };
  }

  /** Rows of a source file of the project. */
  writeData(name: string, rows: readonly object[]): string {
    const file = path.join(this.root, 'data', name);
    writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    return file;
  }

  /** A publication of cleaned rows: join keys and features by name, `at` and `made`. */
  async publish(view: string, rows: readonly TestRow[]): Promise<PublishResult> {
    const { lake, offline } = await this.stores();
    const table = await this.table(view);
    const schema: Schema = {
      ...table.joinKeys,
      event_timestamp: timestamp(),
      created_timestamp: timestamp(),
      ...table.features,
      _ingest_position: int64(),
    };
    const column = (name: string): unknown[] => {
      if (name === '_ingest_position') return rows.map((_, index) => index);
      if (name === 'event_timestamp') return rows.map(({ at }) => new Date(at));
      if (name === 'created_timestamp') return rows.map(({ made }) => (made == null ? null : new Date(made)));
      return rows.map((row) => row[name] ?? null);
    };
    const file = this.file();
    await lake.withSession(async (session) => {
      await session.run(`CREATE TEMP TABLE ${tempTable('given')} (${columnDefinitions(schema)})`);
      await appendColumns(session, 'given', schema, Object.keys(schema).map(column));
      await writeParquet(session, `FROM ${tempTable('given')}`, [], file);
    });
    return offline.publish({ table, file, runId: randomUUID(), provenance: '{}' });
  }

  /** Changes rows of a view as somebody with SQL would: `sql` has `{}` for the table. */
  async change(view: string, sql: string): Promise<void> {
    const { lake } = this.store;
    const table = lake.table(tableName(await this.table(view)));
    await lake.transaction({ message: 'by hand' }, (session) => session.run(sql.replace('{}', table)));
  }

  /** What is online for some users: their features and event time (ISO), or nothing. */
  async online(view: string, users: readonly number[]): Promise<(Record<string, unknown> | undefined)[]> {
    const { rows, eventTimestamps } = await this.store.getOnlineFeaturesDetailed(
      [`${view}:*`],
      users.map((user_id) => ({ user_id })),
    );
    return rows.map(({ user_id: _, ...values }, index) => {
      const at = Object.values(eventTimestamps[index] ?? {})[0];
      return at == null ? undefined : { at: at.toISOString(), ...values };
    });
  }

  async close(): Promise<void> {
    await this.store.close();
    rmSync(this.root, { recursive: true, force: true });
  }
}

export interface TestRow extends Readonly<Record<string, unknown>> {
  /** ISO time. */
  readonly at: string;
  readonly made?: string | null;
}

/**
 * What should be online for some users, slowly and obviously: of all rows of the lake with an event time up to `end`, the newest
 * by event time, then created time (none is oldest), then ingest time and position.
 */
export async function newestInLake(
  { store }: TestStore,
  table: FeatureTable,
  users: readonly number[],
  end: Date,
): Promise<(Record<string, unknown> | undefined)[]> {
  const rows = await store.lake.all<Record<string, unknown>>(
    `SELECT * REPLACE (user_id::INTEGER AS user_id), epoch_us(event_timestamp) AS event_us, epoch_us(created_timestamp) AS created_us,
       epoch_us(_ingest_time) AS ingest_us FROM ${store.lake.table(tableName(table))}`,
  );
  const order = (row: Record<string, unknown>): bigint[] => [
    row['event_us'] as bigint,
    (row['created_us'] as bigint | null) ?? -(2n ** 63n),
    row['ingest_us'] as bigint,
    row['_ingest_position'] as bigint,
  ];
  const isNewer = (a: readonly bigint[], b: readonly bigint[]): boolean => {
    const at = a.findIndex((value, index) => value !== b[index]);
    return at >= 0 && (a[at] as bigint) > (b[at] as bigint);
  };
  return users.map((user) => {
    let newest: Record<string, unknown> | undefined;
    for (const row of rows) {
      if (row['user_id'] !== user || (row['event_us'] as bigint) > BigInt(end.getTime()) * 1000n) continue;
      if (newest === undefined || isNewer(order(row), order(newest))) newest = row;
    }
    if (newest === undefined) return undefined;
    const found = newest;
    const values = Object.fromEntries(Object.keys(table.features).map((name) => [name, found[name]]));
    return { at: (found['event_timestamp'] as Date).toISOString(), ...values };
  });
}
