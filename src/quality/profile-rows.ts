import { id, ids, type Session, type StatementOptions } from '../lake/index.js';
import { fileColumns } from './file-columns.js';
import {
  type ColumnProfile,
  type JsonValue,
  type KeyDuplicates,
  type MissingTogether,
  profileLimits,
  type SampleRows,
} from './profile-types.js';
import { jsonRow } from './value-json.js';

/** Which columns are missing in the same rows: the most frequent sets, in one scan of the columns most often missing. */
export async function missingTogether(
  session: Session,
  file: string,
  { rows, columns }: { rows: number; columns: readonly ColumnProfile[] },
  options: StatementOptions,
): Promise<MissingTogether> {
  const gappy = columns.filter(({ missing }) => missing > 0 && missing < rows);
  const names = [...gappy]
    .sort((a, b) => b.missing - a.missing)
    .slice(0, profileLimits.missingColumns)
    .map(({ name }) => name);
  if (names.length === 0) return { columns: [], outOf: 0, sets: [] };
  const bits = names.map((name, bit) => `((s.${id(name)} IS NULL)::BIGINT << ${bit})`);
  const found = await session.all<{ missing: bigint; rows: bigint }>(
    `SELECT ${bits.join(' | ')} AS missing, count(*) AS rows FROM read_parquet($1) AS s GROUP BY 1 HAVING missing > 0
     ORDER BY rows DESC, missing LIMIT ${profileLimits.missingSets}`,
    [file],
    options,
  );
  const sets = found.map((set) => ({
    columns: names.filter((_, bit) => ((set.missing >> BigInt(bit)) & 1n) === 1n),
    rows: Number(set.rows),
  }));
  return { columns: names, outOf: gappy.length, sets };
}

/** Exact, whatever the size of the file: it may spill. */
export async function keyDuplicates(
  session: Session,
  file: string,
  key: readonly string[],
  options: StatementOptions,
): Promise<KeyDuplicates> {
  const row = await session.one<{ keys: bigint; rows: bigint }>(
    `SELECT count(*) AS keys, coalesce(sum(n - 1), 0)::BIGINT AS rows
     FROM (SELECT count(*) AS n FROM read_parquet($1) GROUP BY ${ids(key)} HAVING n > 1)`,
    [file],
    options,
  );
  return { columns: key, keys: Number(row?.keys ?? 0), rows: Number(row?.rows ?? 0) };
}

/**
 * Some whole rows, evenly spaced from first to last: the same ones each time.
 * @throws DataError when the file can't be read.
 */
export async function sampleRows(
  session: Session,
  { file, rows, columns, signal }: { file: string; rows: number; columns: readonly string[] } & StatementOptions,
): Promise<SampleRows> {
  const found = await fileColumns(session, file, { signal });
  const shown = columns
    .slice(0, profileLimits.sampleColumns)
    .flatMap((name) => found.find((column) => column.name === name) ?? []);
  const wanted = Math.min(rows, profileLimits.sampleRows);
  const places = Array.from({ length: wanted }, (_, at) =>
    wanted === 1 ? 0 : Math.round((at * (rows - 1)) / (wanted - 1)),
  );
  const outOf = columns.length;
  if (wanted === 0 || shown.length === 0) return { columns: shown.map(({ name }) => name), outOf, rows: [] };
  const texts = await session.all<{ row: string }>(
    `SELECT ${jsonRow(shown, 's', { textMax: profileLimits.textLetters })} AS row
     FROM read_parquet($1, file_row_number = true) AS s WHERE file_row_number IN (${places.join(', ')}) ORDER BY file_row_number`,
    [file],
    { signal },
  );
  return {
    columns: shown.map(({ name }) => name),
    outOf,
    rows: texts.map(({ row }) => JSON.parse(row) as Record<string, JsonValue>),
  };
}
