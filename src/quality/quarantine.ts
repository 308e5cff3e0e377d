import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { limits } from '../config.js';
import { describeExpectation, type Expectation, isSingleRowRule } from '../definitions/expectations.js';
import { DataError } from '../errors.js';
import { ids, lit, type Session, type SqlValue, type StatementOptions, sameIn, tempTable } from '../lake/index.js';
import { writeParquet } from '../lake/parquet-file.js';
import { keepBadRows } from './custom-sql-rule.js';
import { fileColumns } from './file-columns.js';
import { decreasing, type EventOrder } from './monotonic-rule.js';
import { shortRule } from './quality.js';
import { Bindings, breaks, checkFile, checkPatterns } from './rule-sql.js';
import { twins } from './unique-rule.js';
import { typeOf } from './value-json.js';

/** The column of a quarantine file that names the rules its row breaks, VARCHAR[]. */
export const brokenRulesColumn = '_broken_rules';

export interface QuarantineRequest extends StatementOptions, EventOrder {
  /** A staging Parquet file. */
  readonly file: string;
  /** All expectations of the view; those of severity `quarantine` are used. */
  readonly expectations: readonly Expectation[];
  /** The declared columns of the file; for custom SQL. */
  readonly columns?: readonly string[] | undefined;
  /** Share (0..1) of rows that may be set aside; default: limits.quarantineShareMax. */
  readonly shareMax?: number | undefined;
  /** Where the good rows go. Bad rows go beside it, to `<name>.quarantined.parquet`. */
  readonly goodFile: string;
}

export interface QuarantineResult {
  /** good + bad */
  readonly rows: number;
  readonly good: number;
  /** Rows set aside, each counted once. */
  readonly bad: number;
  /** Rows per rule; a row that breaks two rules counts for both. */
  readonly quarantined: readonly { readonly rule: string; readonly rows: number }[];
  /** Present when rows were set aside: the rows' own columns and {@link brokenRulesColumn}. */
  readonly badFile?: string;
}

/**
 * Splits a file in rows that keep every rule of severity `quarantine` and rows that break one. `tolerate` does not keep a bad row
 * in: it only says whether the run is marked. Running it again gives the same files.
 * @throws DataError when more than limits.quarantineShareMax of the rows are bad; then no file is written.
 */
export async function splitQuarantine(session: Session, request: QuarantineRequest): Promise<QuarantineResult> {
  const { file, goodFile, signal } = request;
  const rules = request.expectations.filter(({ severity }) => severity === 'quarantine');
  await checkPatterns(session, rules, { signal });
  const badFile = quarantineFile(goodFile);
  rmSync(badFile, { force: true });
  const split = await prepareSplit(session, request, rules, { signal });
  try {
    const counts = await countBroken(session, split, rules, { signal });
    refuseTooMany(file, counts, request.shareMax);
    const { rows: good } = await writeParquet(
      session,
      `SELECT s.* FROM ${split.source} WHERE NOT (${split.anyBroken})`,
      split.values,
      goodFile,
      { signal },
    );
    const bad = counts.bad === 0 ? 0 : await writeBad(session, split, rules, badFile, { signal });
    if (good + bad !== counts.rows) {
      throw new DataError(`${counts.rows} rows were read, and ${good} + ${bad} written: the file changed meanwhile`, {
        where: file,
        mend: 'run the pipeline again, and let nothing else write to its staging folder',
      });
    }
    return { ...counts, good, ...(bad === 0 ? {} : { badFile }) };
  } finally {
    for (const table of split.tables) await session.run(`DROP TABLE IF EXISTS ${tempTable(table)}`);
  }
}

const quarantineFile = (goodFile: string): string =>
  path.join(path.dirname(goodFile), `${path.basename(goodFile, '.parquet')}.quarantined.parquet`);

interface Split {
  /** FROM clause: the file as `s`, and for each unique rule the values found more than once. */
  readonly source: string;
  readonly values: readonly SqlValue[];
  /** A condition per rule, true for rows that break it. */
  readonly broken: readonly string[];
  readonly anyBroken: string;
  readonly tables: readonly string[];
}

async function prepareSplit(
  session: Session,
  { file, columns = [], ...order }: QuarantineRequest,
  rules: readonly Expectation[],
  options: StatementOptions,
): Promise<Split> {
  const found = await fileColumns(session, file, options);
  checkFile(file, found, rules);
  const bindings = new Bindings();
  let source = `read_parquet(${bindings.bind(file, 'VARCHAR')}) AS s`;
  const broken: string[] = [];
  const tables: string[] = [];
  for (const [index, rule] of rules.entries()) {
    if (rule.rule === 'unique') {
      const table = `twins_${randomUUID()}`;
      await session.run(
        `CREATE TEMP TABLE ${tempTable(table)} AS ${twins(rule, `${ids(rule.columns)}, true AS _twin`)}`,
        [file],
        options,
      );
      tables.push(table);
      source += ` LEFT JOIN ${tempTable(table)} AS t${index} ON ${sameIn(rule.columns, 's', `t${index}`)}`;
      broken.push(`(t${index}._twin IS NOT NULL)`);
    } else if (rule.rule === 'monotonic' || rule.rule === 'custom_sql') {
      const table = `bad_rows_${randomUUID()}`;
      const batch = { session, file, found };
      if (rule.rule === 'custom_sql') await keepBadRows(batch, rule, columns, tempTable(table), options);
      else {
        const { sql, values } = decreasing(batch, rule, order, 's._row');
        await session.run(`CREATE TEMP TABLE ${tempTable(table)} AS ${sql}`, values, options);
      }
      tables.push(table);
      source += ` LEFT JOIN ${tempTable(table)} AS t${index} ON s.file_row_number = t${index}._row`;
      broken.push(`(t${index}._row IS NOT NULL)`);
    } else if (isSingleRowRule(rule)) {
      broken.push(breaks(rule, typeOf(found, rule.column), 's', bindings));
    }
  }
  const anyBroken = broken.length === 0 ? 'false' : broken.join(' OR ');
  return { source, values: bindings.values, broken, anyBroken, tables };
}

type Counts = Pick<QuarantineResult, 'rows' | 'bad' | 'quarantined'>;

async function countBroken(
  session: Session,
  { source, values, broken, anyBroken }: Split,
  rules: readonly Expectation[],
  options: StatementOptions,
): Promise<Counts> {
  const perRule = broken.map((condition, index) => `, count(*) FILTER (WHERE ${condition}) AS rule_${index}`);
  const row = await session.one<Record<string, bigint>>(
    `SELECT count(*) AS rows, count(*) FILTER (WHERE ${anyBroken}) AS bad${perRule.join('')} FROM ${source}`,
    values,
    options,
  );
  const quarantined = rules.map((rule, index) => ({
    rule: describeExpectation(rule),
    rows: Number(row?.[`rule_${index}`] ?? 0),
  }));
  return { rows: Number(row?.['rows'] ?? 0), bad: Number(row?.['bad'] ?? 0), quarantined };
}

function refuseTooMany(
  file: string,
  { rows, bad, quarantined }: Counts,
  shareMax: number = limits.quarantineShareMax,
): void {
  if (rows === 0 || bad / rows <= shareMax) return;
  const named = quarantined.filter((rule) => rule.rows > 0).slice(0, 5);
  throw new DataError(
    `${bad} of ${rows} rows break quarantine rules, more than ${shareMax * 100}%: ${named
      .map((rule) => `${shortRule(rule.rule)}: ${rule.rows} rows`)
      .join('; ')}`,
    { where: file, mend: 'so many bad rows point to the source or to the rule itself: mend one of them and run again' },
  );
}

async function writeBad(
  session: Session,
  { source, values, broken, anyBroken }: Split,
  rules: readonly Expectation[],
  badFile: string,
  options: StatementOptions,
): Promise<number> {
  const names = broken.map((condition, index) => {
    const rule = rules[index];
    return rule === undefined ? 'NULL' : `CASE WHEN ${condition} THEN ${lit(describeExpectation(rule))} END`;
  });
  const { rows } = await writeParquet(
    session,
    `SELECT s.*, list_filter([${names.join(', ')}], lambda rule: rule IS NOT NULL) AS ${brokenRulesColumn}
     FROM ${source} WHERE ${anyBroken}`,
    values,
    badFile,
    options,
  );
  return rows;
}
