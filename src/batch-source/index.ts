export { type CleanRequest, type CleanResult, cleanFile } from './clean.js';
export type { CleanCounts, CleanView } from './cleaning-rules.js';
export {
  type DatabaseProvenance,
  type FileProvenance,
  type IngestProgress,
  type IngestRequest,
  type IngestResult,
  ingestFile,
  ingestSource,
  type Provenance,
} from './ingest.js';
export type { LastCursor } from './postgres/cursor.js';
export { sourceShown } from './source-label.js';
export { positionColumn, type SourceColumn } from './source-reader.js';
