export type { BatchSource } from './batch-source.js';
export { type BuiltinWorkflow, builtinArgs } from './builtin-args.js';
export type { CleaningRules } from './cleaning.js';
export { type Calendar, cronCalendars } from './cron.js';
export { builtInTag, type DefaultPipelines, missingDefaults } from './default-pipelines.js';
export { type Definition, type DefinitionKind, isDefinition, type Meta } from './definition.js';
export { type Duration, formatDuration, parseDuration } from './duration.js';
export type {
  CatalogSettings,
  KafkaSettings,
  OnlineStoreSettings,
  RedisSettings,
  StreamSourceSettings,
} from './engine-settings.js';
export { type Entity, entity } from './entity.js';
export type { EventContext } from './event-context.js';
export * from './expectations.js';
export {
  type EntityKeys,
  type FeatureService,
  featureService,
  type HistoricalRow,
  type OnlineRow,
  type ServiceFeatures,
} from './feature-service.js';
export { type FeatureStoreConfig, featureStoreConfig } from './feature-store-config.js';
export {
  type AnyFeatureView,
  type FeatureView,
  featureView,
  type LatePolicy,
  type Selectable,
  type Selection,
  type StreamFeatureView,
  streamFeatureView,
} from './feature-view.js';
export type { LineageSettings, OpenLineageSettings } from './lineage-settings.js';
export { type Notification, slack, webhook } from './notification.js';
export type { PiiRule, PiiRules } from './pii-rules.js';
export { type Deadline, type Json, type Overlap, type Pipeline, pipeline, type Retries } from './pipeline.js';
export { checkArgs } from './pipeline-args.js';
export { pipelineNamed } from './pipeline-named.js';
export { type PostgresSource, postgresSource } from './postgres-source.js';
export {
  after,
  cron,
  daily,
  every,
  hourly,
  inZone,
  manual,
  once,
  type Schedule,
  weekly,
  type ZoneOption,
} from './schedule.js';
export { durationInWords, scheduleInWords } from './schedule-words.js';
export { type ResolvedSelection, resolveSelection } from './selection.js';
export { type EnvValue, env, readSetting, type Setting } from './setting.js';
export {
  type FileFormat,
  type FileSource,
  fileSource,
  type KafkaSource,
  kafkaSource,
} from './sources.js';
export { type StreamStart, type StreamStartOption, streamStartText } from './stream-start.js';
export type { TlsSettings } from './tls-settings.js';
export type { UpkeepRules, UpkeepSettings } from './upkeep-settings.js';
export { parseUtc } from './utc-time.js';
