import path from 'node:path';
import { configPlace } from './connection-settings.js';
import { readSetting } from './definitions/index.js';
import type { Engines } from './engines.js';
import { type FeatureRepo, loadFeatureRepo } from './feature-repo/index.js';
import { FeatureStore } from './feature-store.js';
import { type CatalogOptions, Lake } from './lake/index.js';
import { DuckLakeOfflineStore } from './offline-store/ducklake-offline-store.js';
import type { OnlineStore } from './online-store/online-store.js';
import { openLakeRegistry } from './registry/index.js';

/**
 * Opens the feature store a feature repository describes; engines other than the lake are loaded when they are first used.
 * @param repoDir the folder with the definitions, e.g. `feature_repo`.
 * @throws DefinitionError when the definitions can't be loaded, StoreUnavailableError when the lake can't be opened.
 */
export async function openFeatureStore(repoDir = 'feature_repo'): Promise<FeatureStore> {
  const asof = await import('./index.js');
  const reload = (): Promise<FeatureRepo> => loadFeatureRepo(repoDir, { asof });
  const repo = await reload();
  const { project, streamSource } = repo.config;
  const lake = await Lake.open({ stateDir: repo.stateDir, project, catalog: catalogOf(repo) });
  // Below the project's name: two projects of one folder are apart in everything, and teardown of one leaves the other's.
  const streams = path.join(repo.stateDir, 'streams', project);
  const engines: Engines = {
    lake,
    offline: new DuckLakeOfflineStore(lake),
    registry: openLakeRegistry(lake),
    openOnline: () => openOnlineStore(repo),
    openStream: async (topic, view) => {
      if (streamSource.type === 'kafka') {
        const { kafkaConnection, openKafkaStreamSource } = await import('./stream-source/kafka-stream-source.js');
        const group = view === undefined ? undefined : `asof-${project}-${view}`;
        return openKafkaStreamSource({ connection: kafkaConnection(streamSource, configPlace(repo)), topic, group });
      }
      const { openFileStreamSource } = await import('./stream-source/file-stream-source.js');
      return openFileStreamSource({ directory: streams, topic, create: view !== undefined });
    },
    openProducer: async (topic) => {
      if (streamSource.type === 'kafka') {
        const { kafkaConnection, openKafkaStreamProducer } = await import('./stream-source/kafka-stream-producer.js');
        return openKafkaStreamProducer({ connection: kafkaConnection(streamSource, configPlace(repo)), topic });
      }
      const { openFileStreamProducer } = await import('./stream-source/file-stream-producer.js');
      return openFileStreamProducer({ directory: streams, topic });
    },
    eventLogs: streamSource.type === 'kafka' ? undefined : streams,
    dropStreams: async () => {
      const { rm } = await import('node:fs/promises');
      await rm(streams, { recursive: true, force: true });
    },
  };
  return new FeatureStore(repo, engines, reload);
}

/** The catalog's settings, with what they read from the environment; a relative shared path is one below the project's root. */
function catalogOf(repo: FeatureRepo): CatalogOptions {
  const { catalog } = repo.config;
  if (catalog.type === 'sqlite') return { type: 'sqlite' };
  const { where, environment, root } = configPlace(repo);
  const url = readSetting(where, 'catalog.url', catalog.url, environment);
  if (catalog.sharedPath === undefined) return { type: 'postgres', url };
  const sharedPath = readSetting(where, 'catalog.sharedPath', catalog.sharedPath, environment);
  return { type: 'postgres', url, sharedPath: path.resolve(root, sharedPath) };
}

async function openOnlineStore(repo: FeatureRepo): Promise<OnlineStore> {
  const { project, onlineStore } = repo.config;
  if (onlineStore.type === 'redis') {
    const { openRedisOnlineStore, redisTarget } = await import('./online-store/redis-online-store.js');
    return openRedisOnlineStore({ target: redisTarget(onlineStore, configPlace(repo)), project });
  }
  const { openLmdbOnlineStore } = await import('./online-store/lmdb-online-store.js');
  return openLmdbOnlineStore({ directory: path.join(repo.stateDir, 'online'), project });
}
