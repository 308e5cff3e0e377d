import { id, type Session, type StatementOptions } from '../lake/index.js';
import { type JsonValue, profileLimits, type TypedFigures } from './profile-types.js';
import { columnClass, type FileColumn, finiteNumber, jsonValue } from './value-json.js';

/** What the first scan says of a column. */
export interface Range {
  /** Values that are not null. */
  readonly present: number;
  readonly nonFinite: number;
  readonly min: JsonValue;
  readonly max: JsonValue;
  /** The finite range, exact, as text: numbers, or microseconds of times; null when there is no finite value. */
  readonly low: string | null;
  readonly high: string | null;
  /** Only where asked for. */
  readonly approximateDistinct: number | undefined;
  readonly figures: TypedFigures;
}

export interface RangeOptions extends StatementOptions {
  readonly approximateDistinct: boolean;
}

/** One scan for counts and ranges of these columns. */
export async function scanRanges(
  session: Session,
  file: string,
  columns: readonly FileColumn[],
  { approximateDistinct, signal }: RangeOptions,
): Promise<Range[]> {
  const wanted = columns.flatMap(({ name, type }, index) => {
    const column = `s.${id(name)}`;
    return [
      `count(${column}) AS present_${index}`,
      ...(approximateDistinct ? [`approx_count_distinct(${column}) AS distinct_${index}`] : []),
      ...extremes(column, type).map((part) => `${part}_${index}`),
    ];
  });
  const row = (await session.one(`SELECT ${wanted.join(', ')} FROM read_parquet($1) AS s`, [file], { signal })) ?? {};
  return columns.map((_, index) => readRange((name) => row[`${name}_${index}`]));
}

function extremes(column: string, type: string): string[] {
  const kind = columnClass(type);
  if (kind === 'list' || kind === 'bytes' || kind === 'other') return [];
  const json = (aggregate: string) => `${jsonValue(aggregate, type, { textMax: profileLimits.textLetters })}::VARCHAR`;
  const number = finiteNumber(column, type);
  if (number === undefined) {
    const ends = [`${json(`min(${column})`)} AS min`, `${json(`max(${column})`)} AS max`];
    return kind === 'text' ? [...ends, ...lengths(column)] : ends;
  }
  const finite = `CASE WHEN (${number}) IS NOT NULL THEN ${column} END`;
  return [
    `count(${number}) AS finite`,
    `min(${number})::VARCHAR AS low`,
    `max(${number})::VARCHAR AS high`,
    `${json(`min(${finite})`)} AS min`,
    `${json(`max(${finite})`)} AS max`,
    ...(kind === 'time' ? [] : [`count_if(${number} = 0) AS zeros`, `count_if(${number} < 0) AS negatives`]),
    ...(type === 'FLOAT' || type === 'DOUBLE' ? [`count_if(isnan(${column})) AS nan`] : []),
  ];
}

const lengths = (column: string): string[] => [
  `count_if(${column} = '') AS empty_texts`,
  `min(length(${column})) AS shortest`,
  `avg(length(${column})) AS mean_length`,
  `max(length(${column})) AS longest`,
];

function readRange(read: (name: string) => unknown): Range {
  const text = (name: string) => (read(name) as string | null | undefined) ?? null;
  const json = (name: string) => JSON.parse(text(name) ?? 'null') as JsonValue;
  const present = Number(read('present'));
  const finite = read('finite');
  const distinct = read('distinct');
  const count = (name: string) => (read(name) == null ? undefined : Number(read(name)));
  return {
    present,
    nonFinite: finite === undefined ? 0 : present - Number(finite),
    min: json('min'),
    max: json('max'),
    low: text('low'),
    high: text('high'),
    approximateDistinct: distinct === undefined ? undefined : Number(distinct),
    figures: {
      nan: count('nan'),
      zeros: count('zeros'),
      negatives: count('negatives'),
      emptyTexts: count('empty_texts'),
      lengths:
        read('longest') == null
          ? undefined
          : { min: Number(read('shortest')), mean: Number(read('mean_length')), max: Number(read('longest')) },
    },
  };
}
