import { unusedColumns } from '../batch-source/clean.js';
import { type CleanCounts, type CleanView, cleanColumns, writeCleaned } from '../batch-source/cleaning-rules.js';
import { isText, sourceShown } from '../batch-source/source-label.js';
import { parquetColumns, positionColumn, type SourceColumn } from '../batch-source/source-reader.js';
import { typeColumns, type WantedColumn } from '../batch-source/typed-columns.js';
import { columnDefinitions } from '../definitions/feature-table.js';
import type { StreamFeatureView } from '../definitions/feature-view.js';
import { DataError, DefinitionError } from '../errors.js';
import { appendColumns } from '../lake/append-columns.js';
import { columnReader } from '../lake/chunk-values.js';
import { id, ids, type Lake, type Session, tempTable } from '../lake/index.js';
import { int64, type Schema, type ValueType } from '../types.js';
import type { EventRecord } from './event-schema.js';
import { type RowView, rowBuilder } from './event-to-row.js';
import { fromMicroseconds } from './moment.js';

export interface TransformFileRequest {
  readonly view: RowView & Pick<StreamFeatureView, 'source' | 'clean'>;
  /** Staging file that `ingestSource` made of the stream's batch source. */
  readonly input: string;
  /** What ingest told of its columns. */
  readonly columns?: readonly SourceColumn[] | undefined;
  /** Staging file to write, with the columns of a cleaned file. */
  readonly file: string;
  /** Only rows whose event time lies in [start, end); default: all. */
  readonly within?: CleanView['within'];
  readonly signal?: AbortSignal | undefined;
  /** Hears how many rows went through the transform, of how many. */
  readonly onProgress?: ((progress: { readonly doneRows: number; readonly rows: number }) => void) | undefined;
}

export interface TransformFileResult extends CleanCounts {
  /** Columns of the source that are no fields of the event. */
  readonly droppedColumns: readonly string[];
}

/** Rows that are gathered as column arrays before they go to DuckDB. */
const rowsPerAppend = 20_000;

/**
 * Sends the rows of a stream view's batch source through the same validation and transform as the stream's events, then through
 * the view's cleaning rules, so that history backfilled from a file means what the stream means.
 * @throws DataError naming the row for a value that is no such field, a transform that throws or gives no or a wrong feature; nothing
 * is written. @throws DefinitionError when the stream has no batch source.
 */
export async function transformFile(lake: Lake, request: TransformFileRequest): Promise<TransformFileResult> {
  const { view, input, file, signal } = request;
  const { batchSource } = view.source;
  if (batchSource === undefined) {
    throw new DefinitionError('its stream has no batchSource', {
      where: `view "${view.name}"`,
      mend: 'give its kafkaSource a batchSource: fileSource({ … }) or postgresSource({ … })',
    });
  }
  const cleanView: CleanView = {
    name: view.name,
    joinKeys: view.joinKeys as Schema,
    features: view.features,
    clean: view.clean,
    within: request.within,
  };
  return lake.withSession((reading) =>
    lake.withSession(async (writing) => {
      const columns = await parquetColumns(reading, input, { signal }, request.columns);
      const wanted = wantedFields(view);
      const { relation, rows } = await typeColumns(reading, input, columns, wanted, {
        view: view.name,
        shown: sourceShown(batchSource),
        pii: batchSource.pii,
        text: isText(batchSource),
        finite: true,
        signal,
      });
      const rowSchema = { ...cleanColumns(cleanView), [positionColumn]: int64() };
      await writing.run(
        `CREATE OR REPLACE TEMP TABLE ${tempTable(transformedTable)} (${columnDefinitions(rowSchema)})`,
      );
      await transformRows(reading, writing, relation, rowSchema, rows, request);
      const typed = `(SELECT ${ids(Object.keys(rowSchema))} FROM ${tempTable(transformedTable)})`;
      const counts = await writeCleaned(writing, cleanView, typed, file, { signal });
      return { ...counts, droppedColumns: unusedColumns(columns, wanted) };
    }),
  );
}

const transformedTable = 'transformed_rows';

/** The event's fields as columns of the file; its times under the names the file has for them. */
function wantedFields(view: TransformFileRequest['view']): WantedColumn[] {
  const { seen, timestampField, createdTimestampField, batchSource } = view.source;
  return Object.entries(seen).map(([name, type]) => {
    const isTime = name === timestampField;
    const from = isTime
      ? batchSource?.timestampField
      : name === createdTimestampField
        ? batchSource?.createdTimestampField
        : name;
    const required = type.nullable !== true;
    return {
      from: from ?? name,
      to: name,
      type,
      required,
      optional: !required,
      role: isTime ? 'timestampField' : 'event field',
    };
  });
}

async function transformRows(
  reading: Session,
  writing: Session,
  relation: string,
  rowSchema: Schema,
  rows: number,
  { view, signal, onProgress }: TransformFileRequest,
): Promise<void> {
  const fields = Object.entries(view.source.seen).map(([name, type]) => ({
    name,
    read: columnReader(type),
    value: fieldValue(type),
  }));
  const blank: EventRecord = Object.fromEntries(fields.map(({ name }) => [name, null]));
  const readPosition = columnReader(int64());
  const build = rowBuilder(view);
  const origin = { ingestTimeUs: null, position: 0, topic: null, partition: null, offset: null };
  const stored = Object.keys(rowSchema).length;
  const fresh = (): unknown[][] => Array.from({ length: stored + 4 }, () => []);
  let batch = fresh();
  let doneRows = 0;
  const flush = async (): Promise<void> => {
    // A row's own columns come first, then ingest time and position; the last is the one this file keeps.
    const kept = [...batch.slice(0, stored - 1), batch[stored] as unknown[]];
    await appendColumns(writing, transformedTable, rowSchema, kept);
    batch = fresh();
    onProgress?.({ doneRows, rows });
  };
  const list = [...fields.map(({ name }) => id(name)), positionColumn].join(', ');
  for await (const chunk of reading.chunks(`SELECT ${list} FROM ${relation}`, [], { signal })) {
    const inputs = fields.map(({ read }, index) => read(chunk, index));
    const positions = readPosition(chunk, fields.length) as number[];
    for (let row = 0; row < chunk.rowCount; row += 1) {
      const event: EventRecord = { ...blank };
      for (const [index, { name, value }] of fields.entries()) {
        const given = inputs[index]?.[row];
        if (given !== null) event[name] = value(given);
      }
      const position = positions[row] as number;
      const reason = build(event, batch, { ...origin, position });
      if (reason !== undefined) throw rowError(view, position, reason);
    }
    doneRows += chunk.rowCount;
    if ((batch[0]?.length ?? 0) >= rowsPerAppend) await flush();
  }
  await flush();
}

/** A column's value as the transform would see it in an event. */
function fieldValue(type: ValueType): (value: unknown) => unknown {
  if (type.kind === 'timestamp') return (value) => fromMicroseconds(value as bigint);
  if (type.kind === 'int64' && type.mode === 'bigint') return (value) => BigInt(value as number | bigint);
  if (type.kind === 'list' && type.items !== undefined) {
    const item = fieldValue(type.items);
    return (value) => (value as unknown[]).map(item);
  }
  return (value) => value;
}

function rowError(view: TransformFileRequest['view'], position: number, reason: string): DataError {
  const { batchSource } = view.source;
  return new DataError(`row ${position}: ${reason}`, {
    where: `view "${view.name}", ${batchSource === undefined ? '' : sourceShown(batchSource)}`,
    mend: 'correct the row, or make the transform take such rows; nothing was written',
  });
}
