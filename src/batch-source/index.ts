export { type CleanRequest, type CleanResult, cleanFile } from './clean.js';
export type { CleanCounts, CleanView } from './cleaning-rules.js';
export {
  type IngestProgress,
  type IngestRequest,
  type IngestResult,
  ingestFile,
  type Provenance,
} from './ingest.js';
export { positionColumn, type SourceColumn } from './source-reader.js';
