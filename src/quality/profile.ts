import { DefinitionError } from '../errors.js';
import type { Session, StatementOptions } from '../lake/index.js';
import { fileColumns } from './file-columns.js';
import { correlationsOf } from './profile-correlations.js';
import { scanDistributions } from './profile-distribution.js';
import { largestGap } from './profile-gaps.js';
import { latenessOf } from './profile-lateness.js';
import { type Range, scanRanges } from './profile-range.js';
import { keyDuplicates, missingTogether } from './profile-rows.js';
import { type ColumnProfile, type Distribution, type Profile, profileLimits, type TimeGap } from './profile-types.js';
import { countValues } from './profile-values.js';
import { columnClass, type FileColumn } from './value-json.js';

export interface ProfileRequest extends StatementOptions {
  /** A Parquet file. */
  readonly file: string;
  /** The columns to describe; all without it. */
  readonly columns?: readonly string[] | undefined;
  /** Columns that tell entities apart: they are not correlated with others. */
  readonly joinKeys?: readonly string[] | undefined;
  /** Columns in which no two rows should agree; rows that do are counted. */
  readonly rowKey?: readonly string[] | undefined;
}

/**
 * Describes every column of a file: two scans per 16 columns, and one of each single column for its distinct and top values. Then
 * what columns have to do with each other: correlations, values missing in the same rows, rows that agree in the key. Memory stays bounded: in large files quantiles come from a sketch, and so does `distinct` unless it is small.
 * @throws DataError when the file can't be read; DefinitionError for an unknown column.
 */
export async function profileFile(session: Session, request: ProfileRequest): Promise<Profile> {
  const { file, columns, joinKeys = [], rowKey, signal } = request;
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
      const isTime = columnClass(column.type) === 'time';
      const gap = isTime ? await largestGap(session, file, column, range, { signal }) : undefined;
      profiles.push(assemble(column, rows, { ...range, gap }, shape, values));
    }
  }
  const all = { rows, columns: profiles };
  return {
    rows,
    quantilesAreApproximate: isLarge,
    columns: profiles,
    correlations: await correlationsOf(session, file, { ...all, except: joinKeys }, { signal }),
    missingTogether: await missingTogether(session, file, all, { signal }),
    lateness: await latenessOf(session, file, wanted, { approximate: isLarge, signal }),
    ...(rowKey === undefined ? {} : { keyDuplicates: await keyDuplicates(session, file, rowKey, { signal }) }),
  };
}

function assemble(
  { name, type }: FileColumn,
  rows: number,
  { present, nonFinite, min, max, figures, gap }: Range & { gap: TimeGap | undefined },
  shape: Distribution,
  values: Awaited<ReturnType<typeof countValues>>,
): ColumnProfile {
  const missing = rows - present;
  const missingRatio = rows === 0 ? 0 : missing / rows;
  const typed = gap === undefined ? figures : { ...figures, largestGap: gap };
  return { name, type, missing, missingRatio, nonFinite, ...typed, ...values, min, max, ...shape };
}

function findColumn(found: readonly FileColumn[], name: string, file: string): FileColumn {
  const column = found.find((candidate) => candidate.name === name);
  if (column !== undefined) return column;
  throw new DefinitionError(`there is no column "${name}" to profile`, {
    where: file,
    mend: `use some of ${found.map((candidate) => candidate.name).join(', ')}`,
  });
}
