import { daily, once, pipeline } from 'asof';

/** ingest → clean → explore and validate → publish */
export const dbToOfflineStore = pipeline({
  name: 'db_to_offline_store',
  description: 'Brings the hourly statistics from the database export into the offline store',
  workflow: 'dbToOfflineStore',
  args: { views: ['driver_stats'] },
  schedule: once(), // or cron('0 0 1 * *'), daily(), every('1 hour')
  startAt: '2022-01-01',
  catchup: false,
  retries: { attempts: 3, delay: '20 seconds' },
  owner: 'mlops@example.com',
  tags: ['data_pipeline'],
});

/** Newest row of every driver → online store */
export const materializeOfflineToOnline = pipeline({
  name: 'materialize_offline_to_online',
  description: 'Brings what is new in the offline store into the online store',
  workflow: 'materializeOfflineToOnline',
  args: { views: ['driver_stats', 'driver_stats_stream'] },
  schedule: once(),
  startAt: '2022-01-01',
  catchup: false,
  retries: { attempts: 3, delay: '20 seconds' },
  owner: 'mlops@example.com',
  tags: ['data_pipeline'],
});

/** Events → transform → offline and online store, until it is stopped */
export const streamToStores = pipeline({
  name: 'stream_to_stores',
  description: 'Keeps both stores up to date with the stream of statistics',
  workflow: 'streamToStores',
  args: { view: 'driver_stats_stream' },
  schedule: once(),
  startAt: '2022-01-01',
  catchup: false,
  retries: { attempts: 3, delay: '20 seconds' },
  owner: 'mlops@example.com',
  tags: ['data_pipeline', 'stream'],
});

/** Is what is online what the offline store says? Key by key, every day; fails when it is not */
export const verifyOnlineOffline = pipeline({
  name: 'verify_online_offline',
  description: 'Compares what is online with the offline store',
  workflow: 'verifyOnlineOffline',
  args: { views: ['driver_stats', 'driver_stats_stream'] }, // sample: 1000 for some keys only, failOn: false to warn
  schedule: daily(),
  startAt: '2022-01-01',
  catchup: false,
  retries: { attempts: 3, delay: '20 seconds' },
  owner: 'mlops@example.com',
  tags: ['quality'],
});
