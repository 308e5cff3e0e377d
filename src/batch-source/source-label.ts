import type { BatchSource } from '../definitions/batch-source.js';

/** `fileSource "driver_stats"`: the definition at fault. */
export const sourceLabel = ({ kind, name }: BatchSource): string =>
  `${kind === 'file_source' ? 'fileSource' : 'postgresSource'} "${name}"`;

/** What is read, as its owner knows it: a path, a table, or the query of a source. */
export function sourceShown(source: BatchSource): string {
  if (source.kind === 'file_source') return source.path;
  return source.table === undefined ? `query of ${sourceLabel(source)}` : `table ${source.table}`;
}

/** A file's format may have no types of its own (CSV, NDJSON): its text is read as what the view declares. */
export const isText = (source: BatchSource): boolean => source.kind === 'file_source' && source.format !== 'parquet';
