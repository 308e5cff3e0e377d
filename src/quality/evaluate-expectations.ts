import { columnsOf, type Expectation, isSingleRowRule } from '../definitions/expectations.js';
import type { Session, StatementOptions } from '../lake/index.js';
import { id } from '../lake/index.js';
import type { Schema } from '../types.js';
import type { Batch } from './batch.js';
import { judgeCustomSql } from './custom-sql-rule.js';
import { findExamples } from './examples.js';
import { type ExpectationResult, type Finding, judge, type Query } from './expectation-result.js';
import { fileColumns } from './file-columns.js';
import { countDecreasing, decreasing, type EventOrder } from './monotonic-rule.js';
import { judgeChange } from './row-count-change.js';
import { Bindings, breaks, checkFile, checkPatterns, checkRules } from './rule-sql.js';
import { type Scan, scanFile } from './scan-rules.js';
import { countTwins, twinRows } from './unique-rule.js';
import { typeOf } from './value-json.js';

export interface EvaluateRequest extends StatementOptions, EventOrder {
  /** A staging Parquet file. */
  readonly file: string;
  readonly expectations: readonly Expectation[];
  /** The declared columns of the file. */
  readonly columns: Schema;
  /** What ages are counted from; default: now. */
  readonly asOf?: Date | undefined;
  /** The rows of the last accepted runs before this one, as many as asked for or as there are. */
  readonly lastRows?: ((runs: number) => Promise<readonly number[]>) | undefined;
}

/**
 * Judges every expectation: one scan for most of them, one more for each rule that needs its own, one for the examples of each that
 * failed.
 *
 * - Nulls break only not_null. NaN breaks between, and every figure it is part of. Two rows that are null in the same columns of
 *   `unique` agree.
 * - Every row of a group that agrees breaks `unique`, not only the second and later ones: nothing says which one is right.
 * - A row rule passes when failed / checked <= tolerate.
 * - An empty file has no rows to break a rule: only row_count, row_count_change and custom SQL judge it, others pass with 0 checked.
 * @throws DefinitionError for a rule that does not fit the columns or a pattern that does not compile; DataError when the file
 * can't be read or lacks a column.
 */
export async function evaluateExpectations(session: Session, request: EvaluateRequest): Promise<ExpectationResult[]> {
  const { file, expectations, columns, signal, asOf = new Date() } = request;
  checkRules(expectations, columns);
  await checkPatterns(session, expectations, { signal });
  const batch: Batch = { session, file, found: await fileColumns(session, file, { signal }) };
  checkFile(file, batch.found, expectations, columns);

  const scan = await scanFile(batch, expectations, asOf, { signal });
  const results: ExpectationResult[] = [];
  for (const [index, e] of expectations.entries()) {
    const finding = scan.findings[index] ?? (await lookAt(batch, e, scan, request));
    const judged = judge(e, scan.rows, finding);
    const query = judged.passed || finding.examples !== undefined ? undefined : brokenRows(batch, e, request);
    const examples =
      query === undefined
        ? (finding.examples ?? [])
        : await findExamples(session, batch.found, columnsOf(e), query, { signal });
    results.push({ ...judged, examples: judged.passed ? [] : examples });
  }
  return results;
}

/** Of no_drift here: it is judged where there is history to compare with. */
const noHistory = 'nothing compared: there is no history here';

/** Rules that need a look of their own. */
async function lookAt(batch: Batch, e: Expectation, { rows }: Scan, request: EvaluateRequest): Promise<Finding> {
  const { signal, lastRows } = request;
  switch (e.rule) {
    case 'unique':
      return countTwins(batch, e, { signal });
    case 'monotonic':
      return countDecreasing(batch, e, request, { signal });
    case 'custom_sql':
      return judgeCustomSql(batch, e, Object.keys(request.columns), { signal });
    case 'no_drift':
      return { failed: 0, observed: null, passed: true, note: noHistory };
    case 'row_count_change':
      return judgeChange(e, rows, (await lastRows?.(e.lastRuns)) ?? []);
    default:
      throw new Error(`nobody judges ${e.rule}`);
  }
}

/** The rows that break a rule; `undefined` for rules that have none to show. */
function brokenRows(batch: Batch, e: Expectation, order: EventOrder): Query | undefined {
  const bindings = new Bindings();
  const from = (condition: string): Query => ({
    sql: `SELECT s.* FROM read_parquet(${bindings.bind(batch.file, 'VARCHAR')}) AS s WHERE ${condition}`,
    values: bindings.values,
  });
  if (isSingleRowRule(e)) return from(breaks(e, typeOf(batch.found, e.column), 's', bindings));
  switch (e.rule) {
    case 'missing_ratio':
      return from(`s.${id(e.column)} IS NULL`);
    case 'unique':
      return twinRows(batch.file, e);
    case 'monotonic':
      return decreasing(batch, e, order);
    default:
      return undefined;
  }
}
