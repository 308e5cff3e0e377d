import { existsSync } from 'node:fs';
import path from 'node:path';
import { configPlace } from '../connection-settings.js';
import { type FeatureRepo, loadFeatureRepo } from '../feature-repo/index.js';
import { ensureDatabase, seedSampleDatabase } from '../toolchain/services/index.js';
import type { GlobalOptions } from './command.js';
import { plural } from './output.js';
import { runTask } from './progress.js';
import { ensureExtensions } from './tools.js';

/** What the sample's database holds is exported in this file. */
const sample = 'data/driver_stats.parquet';

/**
 * Makes what services that have just been started lack: the databases of ASOF_CATALOG_URL and ASOF_SOURCE_URL, in the latter the
 * sample's rows, and the topics of stream views. Does nothing that is done already.
 * @returns what was done, for people.
 */
export async function prepareServices(options: GlobalOptions): Promise<string[]> {
  const { ASOF_CATALOG_URL: catalog, ASOF_SOURCE_URL: source } = process.env;
  const repo = await loadFeatureRepo(options.repo, { asof: await import('../index.js') });
  const done: string[] = [];
  if (catalog) {
    const made = await ensureDatabase(catalog, 'ASOF_CATALOG_URL');
    if (made) done.push('The database of the catalog was made; `asof apply` fills it.');
  }
  const file = path.join(repo.projectRoot, sample);
  if (source && existsSync(file)) {
    await ensureExtensions(options);
    await ensureDatabase(source, 'ASOF_SOURCE_URL');
    const rows = await runTask('Sample database', options, () => seedSampleDatabase(source, file));
    if (rows > 0) done.push(`${plural(rows, 'row')} of ${sample} were written to the database of ASOF_SOURCE_URL.`);
  }
  const topics = await runTask('Topics', options, () => makeTopics(repo));
  if (topics.length > 0) done.push(`Topics that are there: ${topics.join(', ')}.`);
  return done;
}

/** @returns those of all stream views, where streams are topics of Kafka. */
async function makeTopics(repo: FeatureRepo): Promise<string[]> {
  const { streamSource } = repo.config;
  if (streamSource.type !== 'kafka') return [];
  const { kafkaConnection, openKafkaStreamProducer } = await import('../stream-source/kafka-stream-producer.js');
  const connection = kafkaConnection(streamSource, configPlace(repo));
  const topics = [...repo.views.values()].flatMap(({ source }) =>
    source.kind === 'kafka_source' ? [source.topic] : [],
  );
  const different = [...new Set(topics)].sort();
  for (const topic of different) await (await openKafkaStreamProducer({ connection, topic })).close();
  return different;
}
