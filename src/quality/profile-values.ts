import { id, type Session, type StatementOptions } from '../lake/index.js';
import { profileLimits, type TopValue } from './profile-types.js';
import { type FileColumn, jsonValue } from './value-json.js';

export interface CountedValues {
  readonly distinct: number;
  readonly distinctIsApproximate: boolean;
  readonly topValues: readonly TopValue[];
}

/**
 * Distinct and most frequent values of one column. With an estimate that is large, grouping by all values would take memory and
 * time for nothing: the frequent ones come from a sketch, and only those are counted.
 */
export async function countValues(
  session: Session,
  file: string,
  column: FileColumn,
  estimate: number | undefined,
  options: StatementOptions,
): Promise<CountedValues> {
  if (estimate !== undefined && estimate > profileLimits.exactDistinct) {
    return {
      distinct: estimate,
      distinctIsApproximate: true,
      topValues: await topOf(session, file, frequent(column), column, options),
    };
  }
  const sql = `SELECT count(*) AS distinct_values, ${topJson(column)} AS top FROM (${grouped(column)})`;
  const row = await session.one<{ distinct_values: bigint; top: string | null }>(sql, [file], options);
  return {
    distinct: Number(row?.distinct_values ?? 0),
    distinctIsApproximate: false,
    topValues: JSON.parse(row?.top ?? '[]') as TopValue[],
  };
}

const grouped = ({ name }: FileColumn): string =>
  `SELECT s.${id(name)} AS v, count(*) AS n FROM read_parquet($1) AS s WHERE s.${id(name)} IS NOT NULL GROUP BY 1`;

const frequent = ({ name }: FileColumn): string =>
  `SELECT s.${id(name)} AS v, count(*) AS n FROM read_parquet($1) AS s
   SEMI JOIN (SELECT unnest(approx_top_k(${id(name)}, ${profileLimits.topValues})) AS v FROM read_parquet($1)) AS k
   ON s.${id(name)} = k.v GROUP BY 1`;

async function topOf(
  session: Session,
  file: string,
  counted: string,
  column: FileColumn,
  options: StatementOptions,
): Promise<TopValue[]> {
  const row = await session.one<{ top: string | null }>(
    `SELECT ${topJson(column)} AS top FROM (${counted})`,
    [file],
    options,
  );
  return JSON.parse(row?.top ?? '[]') as TopValue[];
}

/** The smallest by (-n, v) are the most frequent; the n-smallest aggregate keeps just those, whatever the number of groups. */
function topJson({ type }: FileColumn): string {
  const value = jsonValue('e.v', type, { textMax: profileLimits.textLetters });
  return `to_json(list_transform(min({'n': -n, 'v': v}, ${profileLimits.topValues}),
    lambda e: json_object('value', ${value}, 'count', -e.n)))::VARCHAR`;
}
