import { env, featureStoreConfig } from 'asof';

const isSet = (variable: string): boolean => Boolean(process.env[variable]);

/**
 * Where this runs is decided by the environment alone, so that the same definitions serve a laptop and production, and no password
 * stands in them: Postgres, Redis and Kafka where a variable leads to them, else the embedded engine, which needs nothing.
 * `npm run services` and docker-compose.yml set these variables. The project's name keeps its tables, keys and workflows apart from
 * those of other projects on the same services.
 */
export default featureStoreConfig({
  project: 'drivers',
  catalog: isSet('ASOF_CATALOG_URL')
    ? { type: 'postgres', url: env('ASOF_CATALOG_URL'), sharedPath: env('ASOF_SHARED_PATH') }
    : { type: 'sqlite' },
  onlineStore: isSet('ASOF_REDIS_URL') ? { type: 'redis', url: env('ASOF_REDIS_URL') } : { type: 'lmdb' },
  streamSource: isSet('ASOF_KAFKA_BROKERS') ? { type: 'kafka', brokers: env('ASOF_KAFKA_BROKERS') } : { type: 'file' },
});
