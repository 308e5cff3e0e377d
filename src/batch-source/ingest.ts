import { rmSync } from 'node:fs';
import type { BatchSource } from '../definitions/batch-source.js';
import type { FileSource } from '../definitions/sources.js';
import { id, type Lake } from '../lake/index.js';
import { writeParquet } from '../lake/parquet-file.js';
import { hashes, keyOf, piiKey } from '../personal-data/index.js';
import { protectColumns } from './personal-data.js';
import type { CursorRange, LastCursor } from './postgres/cursor.js';
import { readerError } from './reader-errors.js';
import { checkUnchanged, hashFile, locateSourceFile } from './source-file.js';
import { sourceLabel } from './source-label.js';
import { openSourceReader, positionColumn, type SourceColumn } from './source-reader.js';

export interface IngestRequest<S extends BatchSource = BatchSource> {
  readonly source: S;
  /** Absolute; relative source paths start here. */
  readonly projectRoot: string;
  /** The staging Parquet file to write: all columns of the source and `_ingest_position` (BIGINT, 1 = the first row). */
  readonly file: string;
  /** Where the last run ended, of a source with a cursor; absent = all is read. */
  readonly after?: LastCursor | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Hears how far reading is. */
  readonly onProgress?: ((progress: IngestProgress) => void) | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** Of a file, how many of its bytes were hashed, then that rows are being written; of a database, the rows it has sent. */
export type IngestProgress =
  | { readonly step: 'hash' | 'read'; readonly doneBytes: number; readonly totalBytes: number }
  | { readonly step: 'read'; readonly doneRows: number };

interface AnyProvenance {
  /** The source's name. */
  readonly source: string;
  readonly rows: number;
  /** The columns as they are there, before personal data is dropped, masked or hashed. */
  readonly schema: readonly SourceColumn[];
  readonly owner?: string;
}

export interface FileProvenance extends AnyProvenance {
  /** Relative to the project root; absolute when the file lies elsewhere. */
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly modifiedAt: string;
}

export interface DatabaseProvenance extends AnyProvenance {
  /** `host:port/database`. */
  readonly database: string;
  readonly table?: string;
  readonly query?: string;
  /** e.g. `PostgreSQL 16.4`. */
  readonly server: string;
  /** The database's own time of the snapshot that was read. */
  readonly readAt: string;
  readonly cursor?: CursorRange;
  /** Rows without a cursor value, which were not read. */
  readonly unread?: number;
}

/** Where rows came from; kept with what is published. Times are ISO strings in UTC. */
export type Provenance = FileProvenance | DatabaseProvenance;

export interface IngestResult {
  readonly rows: number;
  /** Columns of the staging file, without the position. */
  readonly columns: readonly SourceColumn[];
  readonly provenance: Provenance;
  /** What people should know of this read, in sentences. */
  readonly notes?: readonly string[];
}

/**
 * Reads a source into a staging Parquet file, wherever it lies: see {@link ingestFile} and `ingestPostgres`.
 * @throws DefinitionError also for a key of personal data that is not the project's.
 */
export async function ingestSource(lake: Lake, request: IngestRequest): Promise<IngestResult> {
  const { source } = request;
  await keyOf(lake, source.pii, sourceLabel(source), request.env);
  if (source.kind === 'file_source') return ingestFile(lake, { ...request, source });
  const { ingestPostgres } = await import('./postgres/ingest.js');
  return ingestPostgres({ ...request, source });
}

/**
 * Reads a source's file into a staging Parquet file, personal data already dropped, masked or hashed.
 * @throws DataError naming the file, the line or column, and the mend: missing, a folder, empty, truncated, not the format it should
 * be, a broken row. @throws DefinitionError for a path that is a pattern or leads out of the project, or a missing ASOF_PII_KEY.
 * @throws StoreUnavailableError when the file changed meanwhile or the staging file can't be written. Nothing is left half-written.
 */
export async function ingestFile(
  lake: Lake,
  request: IngestRequest<FileSource>,
): Promise<IngestResult & { readonly provenance: FileProvenance }> {
  const { source, projectRoot, signal, onProgress, env = process.env } = request;
  const file = locateSourceFile(source, projectRoot);
  if (hashes(source.pii)) piiKey(sourceLabel(source), env);
  const progress = (step: 'hash' | 'read', doneBytes: number): void =>
    onProgress?.({ step, doneBytes, totalBytes: file.bytes });
  const sha256 = await hashFile(file, { signal, onBytes: (done) => progress('hash', done) });
  return lake.withSession(async (session) => {
    const reader = await openSourceReader(session, source, file, { signal });
    const columns = await protectColumns(session, source, reader.columns, file.shown, env);
    const list = columns.map(({ name, sql }) => `${sql} AS ${id(name)}`);
    progress('read', 0);
    const sql = `SELECT ${[...list, positionColumn].join(', ')} FROM ${reader.relation}`;
    const { rows } = await writeParquet(session, sql, [], request.file, { signal }).catch(async (error: unknown) => {
      throw await readerError(error, source.format, file, signal);
    });
    try {
      checkUnchanged(file);
    } catch (error) {
      rmSync(request.file, { force: true });
      throw error;
    }
    progress('read', file.bytes);
    return {
      rows,
      columns: columns.map(({ name, type }) => ({ name, type })),
      provenance: {
        source: source.name,
        path: file.shown,
        sha256,
        bytes: file.bytes,
        rows,
        schema: reader.columns,
        ...(source.owner === undefined ? {} : { owner: source.owner }),
        modifiedAt: file.modifiedAt.toISOString(),
      },
    };
  });
}
