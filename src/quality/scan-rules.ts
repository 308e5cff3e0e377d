import { type Expectation, isSingleRowRule } from '../definitions/expectations.js';
import { id, type StatementOptions } from '../lake/index.js';
import type { Batch } from './batch.js';
import { columnFigures, judgeColumn } from './column-rules.js';
import type { Finding } from './expectation-result.js';
import { Bindings, breaks } from './rule-sql.js';
import { typeOf } from './value-json.js';

export interface Scan {
  readonly rows: number;
  /** Of each expectation; `undefined` where one scan can't tell. */
  readonly findings: readonly (Finding | undefined)[];
}

/** One scan of the file for all rules that need no more. @param asOf what ages are counted from. */
export async function scanFile(
  { session, file, found }: Batch,
  expectations: readonly Expectation[],
  asOf: Date,
  options: StatementOptions,
): Promise<Scan> {
  const bindings = new Bindings();
  const source = `read_parquet(${bindings.bind(file, 'VARCHAR')}) AS s`;
  const wanted = ['count(*) AS rows'];
  for (const [index, e] of expectations.entries()) {
    const figures: Record<string, string> = columnFigures(e, found);
    if (isSingleRowRule(e)) {
      figures['failed'] = `count(*) FILTER (WHERE ${breaks(e, typeOf(found, e.column), 's', bindings)})`;
    }
    if (e.rule === 'between') {
      const column = `s.${id(e.column)}`;
      figures['range'] = `min(${column})::VARCHAR || '..' || max(${column})::VARCHAR`;
    }
    wanted.push(...Object.entries(figures).map(([name, sql]) => `${sql} AS ${name}_${index}`));
  }
  const row = (await session.one(`SELECT ${wanted.join(', ')} FROM ${source}`, bindings.values, options)) ?? {};
  const rows = Number(row['rows'] ?? 0);
  const findings = expectations.map((e, index): Finding | undefined => {
    const figure = (name: string): unknown => row[`${name}_${index}`];
    if (!isSingleRowRule(e)) return judgeColumn(e, rows, figure, asOf);
    const failed = Number(figure('failed') ?? 0);
    return e.rule === 'between' ? { failed, observed: rangeText(figure('range')) } : { failed };
  });
  return { rows, findings };
}

/** DuckDB's names of the odd doubles, as JavaScript writes them. */
const rangeText = (range: unknown): string | null =>
  typeof range === 'string' ? range.replaceAll('nan', 'NaN').replaceAll('inf', 'Infinity') : null;
