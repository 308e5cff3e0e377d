import { createdTimestamp, eventTimestamp, type FeatureTable } from '../../definitions/feature-table.js';
import { id, type Lake, lit, type Session, type SqlValue, type StatementOptions } from '../../lake/index.js';
import { writeParquet } from '../../lake/parquet-file.js';
import { fileType, fromJson, quarantinedRows } from '../../quality/index.js';
import { int64, type Schema, timestamp } from '../../types.js';

/** The column that says why a row can't be in the history of its view. */
export const misfitColumn = '_misfit';

export interface TypedRowsRequest extends StatementOptions {
  readonly table: FeatureTable;
  /** Which of the held rows: SQL over the columns of `quarantinedRows`, and its values. */
  readonly where: string;
  readonly values: readonly SqlValue[];
  /** Gets a row for each quarantined one, in the types the view has now, with {@link misfitColumn}. */
  readonly file: string;
}

/** Reads held rows back into the types of their view. A feature that they were set aside without is null, as in older rows. */
export async function writeTypedRows(
  session: Session,
  lake: Lake,
  { table, where, values, file, signal }: TypedRowsRequest,
): Promise<void> {
  const required = [...Object.keys(table.joinKeys), eventTimestamp];
  const columns: Schema = {
    ...table.joinKeys,
    [eventTimestamp]: timestamp(),
    [createdTimestamp]: timestamp(),
    ...table.features,
    _ingest_position: int64(),
  };
  const json = (name: string): string => `json_extract("row", ${lit(`/${name}`)})`;
  const read = Object.entries(columns).map(([name, type]) => `${fromJson(json(name), type)} AS ${id(name)}`);
  const misfits = Object.entries(columns).flatMap(([name, type]) => {
    const kept = `json_extract_string(types, ${lit(`/${name}`)})`;
    const now = fileType(type);
    const isKept = `coalesce(json_type(${json(name)}), 'NULL') <> 'NULL'`;
    // Types that keep every value may follow each other; without the types of then, the values decide alone.
    const before = [now, ...(now === 'BIGINT' ? ['INTEGER'] : now === 'DOUBLE' ? ['FLOAT'] : [])];
    const changed = `coalesce(${kept} NOT IN (${before.map(lit).join(', ')}), false)`;
    return [
      `WHEN ${isKept} AND ${changed} THEN ${lit(`column ${name} was `)} || ${kept} || ${lit(`, the view says ${now} now`)}`,
      `WHEN ${isKept} AND t.${id(name)} IS NULL THEN ${lit(`column ${name} holds what is no ${now}`)}`,
      ...(required.includes(name) ? [`WHEN t.${id(name)} IS NULL THEN ${lit(`${name} is null`)}`] : []),
    ];
  });
  await writeParquet(
    session,
    `SELECT t.* EXCLUDE ("row", types), CASE ${misfits.join(' ')} END AS ${misfitColumn}
     FROM (SELECT ${read.join(', ')}, id AS _quarantine_id, "row", types
       FROM ${quarantinedRows(lake)} WHERE state = 'held' AND ${where}) AS t`,
    values,
    file,
    { signal },
  );
}
