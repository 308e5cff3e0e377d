/** The online store room without its engines, which are loaded only where they are configured. */
export { entityKey, entityKeys } from './entity-key.js';
export { ensureSchema, loadSchemas } from './feature-schemas.js';
export type { OnlineEntry, OnlineStore, OnlineTable, ReplaceReport, WriteReport } from './online-store.js';
export { type FeatureStatus, type OnlineFeatures, type OnlineSelection, readOnlineFeatures } from './read-features.js';
export {
  compareTies,
  type DecodedRow,
  decodeHeader,
  decodeRow,
  encodeRow,
  encodeTombstone,
  type RowHeader,
  type RowParts,
  withReflects,
} from './row-codec.js';
export { type StoredSchema, storedSchema } from './stored-schema.js';
