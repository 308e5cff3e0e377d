export { type DiagnoseOptions, type Diagnosis, diagnose } from './doctor.js';
export type { Check } from './doctor-check.js';
export { type PostgresCheckOptions, postgresCheck } from './doctor-postgres.js';
export {
  duckdbExtensions,
  ensureDuckdbExtensions,
  type FoundExtension,
  findDuckdbExtensions,
} from './duckdb-extensions.js';
export type { EmbeddedTemporal } from './embedded-record.js';
export {
  type EmbeddedTemporalOptions,
  readEmbeddedTemporal,
  startOrJoinEmbeddedTemporal,
  stopEmbeddedTemporal,
} from './embedded-temporal.js';
export type { EnsureOptions, Report } from './report.js';
export { searchAttributeTypes } from './search-attributes.js';
export { cachedTemporalCli, ensureTemporalCli, findTemporalCli, type TemporalCli } from './temporal-cli.js';
