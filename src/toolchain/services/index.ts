export { type KafkaBrokerOptions, kafkaBroker } from './kafka-broker.js';
export { ensureKafka, type KafkaProgram } from './kafka-libs.js';
export type { LocalServer } from './local-server.js';
export { ensureDatabase } from './postgres-database.js';
export {
  findPostgres,
  type PostgresServerOptions,
  postgresServer,
  requirePostgres,
  runPostgres,
} from './postgres-server.js';
export { type RunningServices, runningServices, type ServiceName, serviceNames } from './project-files.js';
export {
  type ProjectServices,
  type ProjectServicesOptions,
  serviceVariables,
  startProjectServices,
} from './project-services.js';
export { ensureRedisServer, findRedisServer, type RedisServerOptions, redisServer } from './redis-server.js';
export { sampleTable, seedSampleDatabase } from './sample-database.js';
