import path from 'node:path';
import { configPlace } from '../connection-settings.js';
import { readSetting, type Setting } from '../definitions/index.js';
import { AsofError } from '../errors.js';
import type { FeatureRepo } from '../feature-repo/index.js';
import { type Check, postgresCheck } from '../toolchain/index.js';

/** Which engines a project is configured for, and whether each answers. Changes nothing in them. */
export async function engineChecks(repo: FeatureRepo): Promise<Check[]> {
  const groups = await Promise.all([
    guarded('catalog', true, () => catalogCheck(repo)),
    guarded('online store', true, () => onlineStoreCheck(repo)),
    ...streamChecks(repo),
    ...sourceChecks(repo),
  ]);
  return groups.flat();
}

/** What an engine's own errors say becomes the check. */
async function guarded(name: string, required: boolean, look: () => Promise<Check>): Promise<Check> {
  try {
    return await look();
  } catch (error) {
    const { where, mend } = error instanceof AsofError ? error : {};
    const message = error instanceof Error ? error.message : String(error);
    const found = where === undefined ? message : message.replace(`${where}: `, '');
    return { name, required, ok: false, found, where, mend };
  }
}

async function catalogCheck(repo: FeatureRepo): Promise<Check> {
  const { catalog } = repo.config;
  const base = { name: 'catalog', required: true, ok: true };
  if (catalog.type === 'sqlite') return { ...base, found: 'SQLite, embedded', where: path.join(repo.stateDir, 'lake') };
  const url = readSetting(configPlace(repo).where, 'catalog.url', catalog.url, process.env);
  const { lookAtPostgresCatalog } = await import('../lake/postgres/look-at-catalog.js');
  const { shown, server, lake } = await lookAtPostgresCatalog(url);
  const holds =
    lake === undefined ? 'empty, `asof apply` makes the lake' : `DuckLake catalog of version ${lake.version}`;
  return { ...base, found: `Postgres ${server} answers; ${holds}`, where: shown };
}

async function onlineStoreCheck(repo: FeatureRepo): Promise<Check> {
  const { onlineStore, project } = repo.config;
  const base = { name: 'online store', required: true, ok: true };
  if (onlineStore.type === 'lmdb')
    return { ...base, found: 'LMDB, embedded', where: path.join(repo.stateDir, 'online') };
  const [{ openRedisOnlineStore }, { redisTarget }] = await Promise.all([
    import('../online-store/redis-online-store.js'),
    import('../online-store/redis-settings.js'),
  ]);
  const target = redisTarget(onlineStore, configPlace(repo));
  const store = openRedisOnlineStore({ target, project });
  try {
    await store.servers();
    return { ...base, found: 'Redis answers and can be written to', where: target.where };
  } finally {
    await store.close();
  }
}

/** One check a topic: a broker that answers may still lack it. */
function streamChecks(repo: FeatureRepo): Promise<Check>[] {
  const { config, views, stateDir } = repo;
  const { streamSource, project } = config;
  const base = { name: 'streams', required: true, ok: true };
  if (streamSource.type === 'file') {
    const where = path.join(stateDir, 'streams', project);
    return [Promise.resolve({ ...base, found: 'event logs in files, embedded', where })];
  }
  const topics = new Set(
    [...views.values()].flatMap(({ source }) => (source.kind === 'kafka_source' ? [source.topic] : [])),
  );
  if (topics.size === 0) return [Promise.resolve({ ...base, found: 'Kafka, which no view reads from' })];
  return [...topics].map((topic) => {
    const name = `topic "${topic}"`;
    return guarded(name, true, async () => {
      const { kafkaConnection, openKafkaStreamSource } = await import('../stream-source/kafka-stream-source.js');
      const connection = kafkaConnection(streamSource, configPlace(repo));
      const source = await openKafkaStreamSource({ connection, topic });
      try {
        const ranges = await source.topicRanges();
        const events = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
        const found = `Kafka answers; ${ranges.length} partitions, ${events.toLocaleString('en')} events`;
        return { ...base, name, found, where: connection.brokers.join(',') };
      } finally {
        await source.close();
      }
    });
  });
}

/** Databases that rows are read from; without one only its own pipelines stand still. */
function sourceChecks(repo: FeatureRepo): Promise<Check>[] {
  const connections = new Map<string, { name: string; connection: Setting }>();
  for (const source of repo.sources.values()) {
    if (source.kind === 'postgres_source') connections.set(JSON.stringify(source.connection), source);
  }
  return [...connections.values()].map(({ name, connection }) =>
    guarded(`source "${name}"`, false, async () => {
      const url = readSetting(`postgresSource "${name}"`, 'connection', connection, process.env);
      return postgresCheck({ name: `source "${name}"`, required: false, url });
    }),
  );
}
