import { limits } from '../config.js';
import { columnsOf, describeExpectation, type Expectation, type Severity } from '../definitions/expectations.js';
import { id, ids, type Session, type StatementOptions } from '../lake/index.js';
import type { Schema } from '../types.js';
import { fileColumns } from './file-columns.js';
import {
  Bindings,
  breaks,
  checkFile,
  checkPatterns,
  checkRules,
  isSingleRowRule,
  type SingleRowRule,
  type UniqueRule,
} from './rule-sql.js';
import { type FileColumn, jsonRow } from './value-json.js';

/** What became of one expectation. Safe to keep as JSON. */
export interface ExpectationResult {
  /** As a person would write it, e.g. `between(conv_rate, 0, 1)`. */
  readonly expectation: string;
  readonly rule: Expectation['rule'];
  readonly columns: readonly string[];
  readonly severity: Severity;
  /** Share of rows that may break the rule. */
  readonly tolerate: number;
  /** Rows looked at: all rows of the file. */
  readonly checked: number;
  /** Rows that break the rule; for row_count how many rows are too few or too many, for missing_ratio the missing values. */
  readonly failed: number;
  /**
   * What was seen: `lowest..highest` for between, the ratio for missing_ratio, the rows for row_count, else the share of rows that
   * break the rule. null when there was nothing to look at.
   */
  readonly observed: string | number | null;
  readonly passed: boolean;
  /** The first rows that break a failed rule, the rule's own columns first. */
  readonly examples: readonly Record<string, unknown>[];
}

export interface EvaluateRequest extends StatementOptions {
  /** A staging Parquet file. */
  readonly file: string;
  readonly expectations: readonly Expectation[];
  /** The declared columns of the file. */
  readonly columns: Schema;
}

/** Texts longer than this are cut in example rows. */
export const exampleTextMax = 200;

type Judged = Omit<ExpectationResult, 'examples'>;

/**
 * Judges every expectation: one scan for all of them, one more for each `unique`, one for the examples of each that failed.
 *
 * - Nulls break only not_null. NaN breaks between. Two rows that are null in the same columns of `unique` agree.
 * - Every row of a group that agrees breaks `unique`, not only the second and later ones: nothing says which one is right.
 * - A row rule passes when failed / checked <= tolerate.
 * - An empty file has no rows to break a rule: row rules and missing_ratio pass with 0 checked; only row_count judges it.
 * @throws DefinitionError for a rule that does not fit the columns or a pattern that does not compile; DataError when the file
 * can't be read or lacks a column.
 */
export async function evaluateExpectations(session: Session, request: EvaluateRequest): Promise<ExpectationResult[]> {
  const { file, expectations, columns, signal } = request;
  checkRules(expectations, columns);
  await checkPatterns(session, expectations, { signal });
  const found = await fileColumns(session, file, { signal });
  checkFile(file, found, expectations, columns);

  const scan = await scanAll(session, file, found, expectations, { signal });
  const results: ExpectationResult[] = [];
  for (const [index, e] of expectations.entries()) {
    const failed = e.rule === 'unique' ? await countTwins(session, file, e, { signal }) : (scan.failed[index] ?? 0);
    const judged = judge(e, scan.rows, failed, scan.range[index] ?? null);
    const examples = judged.passed ? [] : await findExamples(session, file, found, e, { signal });
    results.push({ ...judged, examples });
  }
  return results;
}

interface Scan {
  rows: number;
  failed: (number | undefined)[];
  range: (string | null)[];
}

async function scanAll(
  session: Session,
  file: string,
  found: readonly FileColumn[],
  expectations: readonly Expectation[],
  options: StatementOptions,
): Promise<Scan> {
  const bindings = new Bindings();
  const source = `read_parquet(${bindings.bind(file, 'VARCHAR')}) AS s`;
  const wanted = ['count(*) AS rows'];
  for (const [index, e] of expectations.entries()) {
    if (isSingleRowRule(e)) {
      const type = typeOf(found, e.column);
      wanted.push(`count(*) FILTER (WHERE ${breaks(e, type, 's', bindings)}) AS failed_${index}`);
    }
    if (e.rule === 'missing_ratio') wanted.push(`count(*) - count(s.${id(e.column)}) AS failed_${index}`);
    if (e.rule === 'between') {
      const column = `s.${id(e.column)}`;
      wanted.push(`min(${column})::VARCHAR || '..' || max(${column})::VARCHAR AS range_${index}`);
    }
  }
  const row = (await session.one(`SELECT ${wanted.join(', ')} FROM ${source}`, bindings.values, options)) ?? {};
  const count = (name: string) => (row[name] === undefined ? undefined : Number(row[name]));
  return {
    rows: count('rows') ?? 0,
    failed: expectations.map((_, index) => count(`failed_${index}`)),
    range: expectations.map((_, index) => rangeText(row[`range_${index}`])),
  };
}

/** DuckDB's names of the odd doubles, as JavaScript writes them. */
const rangeText = (range: unknown): string | null =>
  typeof range === 'string' ? range.replaceAll('nan', 'NaN').replaceAll('inf', 'Infinity') : null;

async function countTwins(session: Session, file: string, e: UniqueRule, options: StatementOptions): Promise<number> {
  const sql = `SELECT coalesce(sum(_rows), 0)::BIGINT AS failed FROM (${twins(e, 'count(*) AS _rows')})`;
  return Number((await session.one(sql, [file], options))?.['failed'] ?? 0);
}

/** The values in which more than one row agrees, each once. `$1` is the file. */
export const twins = (e: UniqueRule, select: string): string =>
  `SELECT ${select} FROM read_parquet($1) GROUP BY ${ids(e.columns)} HAVING count(*) > 1`;

function judge(e: Expectation, rows: number, failed: number, range: string | null): Judged {
  const base = {
    expectation: describeExpectation(e),
    rule: e.rule,
    columns: columnsOf(e),
    severity: e.severity ?? 'error',
    tolerate: e.tolerate ?? 0,
    checked: rows,
  };
  if (e.rule === 'row_count') {
    const off = Math.max(e.min - rows, rows - e.max, 0);
    return { ...base, failed: off, observed: rows, passed: off === 0 };
  }
  const share = rows === 0 ? null : failed / rows;
  if (e.rule === 'missing_ratio') {
    return { ...base, failed, observed: share, passed: share === null || share < e.below };
  }
  // A quotient of two counts is the double nearest to the share, as is the literal `tolerate`; a product would be off by a bit.
  const passed = share === null || share <= (e.tolerate ?? 0);
  return { ...base, failed, observed: e.rule === 'between' ? range : share, passed };
}

async function findExamples(
  session: Session,
  file: string,
  found: readonly FileColumn[],
  e: Expectation,
  options: StatementOptions,
): Promise<Record<string, unknown>[]> {
  if (e.rule === 'row_count') return [];
  const own = columnsOf(e);
  const ordered = [
    ...own.flatMap((column) => found.filter(({ name }) => name === column)),
    ...found.filter(({ name }) => !own.includes(name)),
  ];
  const { sql, values } = e.rule === 'unique' ? twinRows(file, e) : brokenRows(file, found, e);
  // Written as JSON after the limit: before it, every broken row would be.
  const rows = await session.all<{ row: string }>(
    `SELECT ${jsonRow(ordered, 's', { textMax: exampleTextMax })} AS row FROM (${sql} LIMIT ${limits.expectationExamples}) AS s`,
    values,
    options,
  );
  return rows.map((example) => JSON.parse(example.row) as Record<string, unknown>);
}

function brokenRows(
  file: string,
  found: readonly FileColumn[],
  e: SingleRowRule | Extract<Expectation, { rule: 'missing_ratio' }>,
) {
  const bindings = new Bindings();
  const source = `read_parquet(${bindings.bind(file, 'VARCHAR')}) AS s`;
  const broken =
    e.rule === 'missing_ratio' ? `s.${id(e.column)} IS NULL` : breaks(e, typeOf(found, e.column), 's', bindings);
  return { sql: `SELECT s.* FROM ${source} WHERE ${broken}`, values: bindings.values };
}

/** Rows that agree, side by side. */
function twinRows(file: string, e: UniqueRule) {
  const groups = `${twins(e, ids(e.columns))} ORDER BY ${ids(e.columns)} LIMIT ${limits.expectationExamples}`;
  const agree = e.columns.map((column) => `s.${id(column)} IS NOT DISTINCT FROM t.${id(column)}`).join(' AND ');
  return {
    sql: `SELECT s.* FROM read_parquet($1) AS s SEMI JOIN (${groups}) AS t ON ${agree} ORDER BY ${ids(e.columns, 's')}`,
    values: [file],
  };
}

export const typeOf = (found: readonly FileColumn[], column: string): string =>
  found.find(({ name }) => name === column)?.type ?? 'VARCHAR';
