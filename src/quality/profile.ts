import { DefinitionError } from '../errors.js';
import type { Session, StatementOptions } from '../lake/index.js';
import { fileColumns } from './file-columns.js';
import { scanDistributions } from './profile-distribution.js';
import { type Range, scanRanges } from './profile-range.js';
import { type ColumnProfile, type Distribution, type Profile, profileLimits } from './profile-types.js';
import { countValues } from './profile-values.js';
import type { FileColumn } from './value-json.js';

export interface ProfileRequest extends StatementOptions {
  /** A Parquet file. */
  readonly file: string;
  /** The columns to describe; all without it. */
  readonly columns?: readonly string[] | undefined;
}

/**
 * Describes every column of a file: two scans per 16 columns, and one of each single column for its distinct and top values.
 * Memory stays bounded: in large files quantiles come from a sketch, and so does `distinct` unless it is small.
 * @throws DataError when the file can't be read; DefinitionError for an unknown column.
 */
export async function profileFile(session: Session, { file, columns, signal }: ProfileRequest): Promise<Profile> {
  const found = await fileColumns(session, file, { signal });
  const wanted = columns === undefined ? found : columns.map((name) => findColumn(found, name, file));
  const counted = await session.one<{ rows: bigint }>('SELECT count(*) AS rows FROM read_parquet($1)', [file], {
    signal,
  });
  const rows = Number(counted?.rows ?? 0);
  const isLarge = rows > profileLimits.exactRows;
  const profiles: ColumnProfile[] = [];
  for (let start = 0; start < wanted.length; start += profileLimits.columnsAtOnce) {
    const batch = wanted.slice(start, start + profileLimits.columnsAtOnce);
    const ranges = await scanRanges(session, file, batch, { approximateDistinct: isLarge, signal });
    const shapes = await scanDistributions(session, file, batch, ranges, { approximateQuantiles: isLarge, signal });
    for (const [index, column] of batch.entries()) {
      const range = ranges[index];
      const shape = shapes[index];
      if (range === undefined || shape === undefined) continue;
      const values = await countValues(session, file, column, range.approximateDistinct, { signal });
      profiles.push(assemble(column, rows, range, shape, values));
    }
  }
  return { rows, quantilesAreApproximate: isLarge, columns: profiles };
}

function assemble(
  { name, type }: FileColumn,
  rows: number,
  { present, nonFinite, min, max }: Range,
  shape: Distribution,
  values: Awaited<ReturnType<typeof countValues>>,
): ColumnProfile {
  const missing = rows - present;
  const missingRatio = rows === 0 ? 0 : missing / rows;
  return { name, type, missing, missingRatio, nonFinite, ...values, min, max, ...shape };
}

function findColumn(found: readonly FileColumn[], name: string, file: string): FileColumn {
  const column = found.find((candidate) => candidate.name === name);
  if (column !== undefined) return column;
  throw new DefinitionError(`there is no column "${name}" to profile`, {
    where: file,
    mend: `use some of ${found.map((candidate) => candidate.name).join(', ')}`,
  });
}
