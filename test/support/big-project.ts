import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { embedded, type TestEngines } from './store.js';

export interface BigProject {
  /** Its name; on shared servers one of its own. */
  readonly project: string;
  readonly repo: string;
  readonly root: string;
  close(): void;
}

/**
 * A project whose steps take long enough to be killed in the middle: rows per key with ties, duplicates and nulls, and a recorded
 * stream. The same sizes give the same data.
 */
export async function bigProject({
  keys,
  rowsPerKey,
  events,
  attempts = 2,
  engines = embedded,
}: {
  keys: number;
  rowsPerKey: number;
  events: number;
  /** How often a step may be tried. */
  attempts?: number;
  engines?: TestEngines;
}): Promise<BigProject> {
  const project = engines === embedded ? 'big' : `big_${randomUUID().slice(0, 8)}`;
  const topic = engines === embedded ? 'scores' : `${project}_scores`;
  Object.assign(process.env, engines.environment);
  const root = mkdtempSync(path.join(os.tmpdir(), 'asof-big-'));
  const repo = path.join(root, 'feature_repo');
  mkdirSync(repo);
  mkdirSync(path.join(root, 'data'));
  writeFileSync(path.join(root, 'package.json'), '{}');
  writeFileSync(
    path.join(repo, 'definitions.ts'),
    definitions({ project, topic, attempts, settings: engines.settings }),
  );
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(`COPY (
    SELECT i % ${keys} AS user_id, TIMESTAMP '2024-01-01' + INTERVAL (i // ${keys}) HOUR AS happened,
      TIMESTAMP '2024-02-01' + INTERVAL (i % 7) MINUTE AS made,
      CASE WHEN i % 11 = 0 THEN NULL ELSE (hash(i) % 1000)::INTEGER END AS a, (hash(i + 1) % 10000)::DOUBLE / 7 AS b, 'text ' || (i % 97) AS c
    FROM range(${keys * rowsPerKey}) t(i)
    UNION ALL SELECT 1, TIMESTAMP '2024-01-01', TIMESTAMP '2024-02-01 00:01', 5, 5, 'twice' FROM range(3)
  ) TO '${path.join(root, 'data', 'stats.parquet')}' (FORMAT parquet)`);
  await connection.run(`COPY (
    SELECT (hash(i) % ${keys})::BIGINT AS user_id, TIMESTAMP '2024-03-01' + INTERVAL (i) SECOND AS happened,
      (hash(i + 7) % 1000)::DOUBLE / 10 AS score
    FROM range(${events}) t(i)
  ) TO '${path.join(root, 'data', 'events.parquet')}' (FORMAT parquet)`);
  connection.closeSync();
  instance.closeSync();
  return { project, repo, root, close: () => rmSync(root, { recursive: true, force: true }) };
}

const definitions = ({
  project,
  topic,
  attempts,
  settings,
}: Record<'project' | 'topic' | 'settings', string> & { attempts: number }): string => `
import { entity, env, featureStoreConfig, featureView, fileSource, float64, int32, int64, kafkaSource, manual, notNull, pipeline, streamFeatureView, string, timestamp } from 'asof';

export default featureStoreConfig({ project: '${project}', defaultPipelines: false, ${settings} });
export const user = entity({ name: 'user', joinKeys: { user_id: int64() } });
export const stats = featureView({ name: 'stats', entities: [user],
  source: fileSource({ name: 'stats', path: 'data/stats.parquet', timestampField: 'happened', createdTimestampField: 'made' }),
  features: { a: int32(), b: float64(), c: string() }, expect: [notNull('user_id')] });
export const scores = streamFeatureView({ name: 'scores', entities: [user],
  source: kafkaSource({ topic: '${topic}', event: { user_id: int64(), happened: timestamp(), score: float64() }, timestampField: 'happened' }),
  features: { score: float64() }, transform: ({ score }) => ({ score: score * 100 }) });

const retries = { attempts: ${attempts}, delay: '200 milliseconds' };
export const load = pipeline({ name: 'load', workflow: 'dbToOfflineStore', args: { views: ['stats'] }, schedule: manual(), retries });
export const online = pipeline({ name: 'online', workflow: 'materializeOfflineToOnline', args: { views: ['stats'] }, schedule: manual(), retries });
export const stream = pipeline({ name: 'stream', workflow: 'streamToStores', args: { view: 'scores' }, schedule: manual(), retries });
`;
