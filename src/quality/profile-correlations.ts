import { id, type Session, type StatementOptions } from '../lake/index.js';
import { unitInterval } from './profile-distribution.js';
import { type ColumnProfile, type Correlations, profileLimits } from './profile-types.js';
import { columnClass, finiteNumber } from './value-json.js';

/**
 * Pearson's coefficient of each pair of number columns that vary, in one statement; of a large file over evenly spaced rows.
 * @param except columns that are no measure of anything: keys.
 */
export async function correlationsOf(
  session: Session,
  file: string,
  { rows, columns, except }: { rows: number; columns: readonly ColumnProfile[]; except: readonly string[] },
  options: StatementOptions,
): Promise<Correlations> {
  const numbers = columns.flatMap((column) => {
    const unit = except.includes(column.name) ? undefined : unitOf(column);
    return unit === undefined ? [] : [{ name: column.name, unit }];
  });
  const compared = numbers.slice(0, profileLimits.correlatedColumns);
  const step = Math.max(1, Math.ceil(rows / profileLimits.correlatedRows));
  const found = { columns: compared.map(({ name }) => name), outOf: numbers.length, rows: Math.ceil(rows / step) };
  if (compared.length < 2) return { ...found, values: compared.map(() => []) };
  const pairs = compared.flatMap((_, i) => compared.slice(0, i).map((__, j) => `corr(c${i}, c${j}) AS r_${i}_${j}`));
  const row = await session.one<Record<string, number | null>>(
    `WITH units AS MATERIALIZED (SELECT ${compared.map(({ unit }, at) => `${unit} AS c${at}`).join(', ')}
     FROM read_parquet($1, file_row_number = true) AS s WHERE file_row_number % ${step} = 0) SELECT ${pairs.join(', ')} FROM units`,
    [file],
    options,
  );
  const read = (name: string): number | null => {
    const value = row?.[name] ?? Number.NaN;
    // Rounding may lead a bit beyond 1.
    return Number.isFinite(value) ? Math.max(-1, Math.min(1, value)) : null;
  };
  return { ...found, values: compared.map((_, i) => compared.slice(0, i).map((__, j) => read(`r_${i}_${j}`))) };
}

function unitOf({ name, type, histogram }: ColumnProfile): string | undefined {
  const kind = columnClass(type);
  const [first, last] = [histogram[0], histogram.at(-1)];
  const number = kind === 'integer' || kind === 'float' ? finiteNumber(`s.${id(name)}`, type) : undefined;
  // A column of one bin is constant.
  if (number === undefined || first === undefined || last === undefined || histogram.length < 2) return undefined;
  return unitInterval(number, Number(first.from), Number(last.to));
}
