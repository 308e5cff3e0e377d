import { limits } from '../config.js';
import type { Rule } from '../definitions/expectations.js';
import { DefinitionError } from '../errors.js';
import type { StatementOptions } from '../lake/index.js';
import { type Sandbox, sandboxRowNumber, withSandbox } from '../lake/sandbox-database.js';
import { SandboxError } from '../lake/sandbox-error.js';
import { asTable, checkSandboxQuery, sandboxColumns } from '../lake/sandbox-query.js';
import { type Schema, sqlType } from '../types.js';
import type { Batch } from './batch.js';
import { exampleTextMax } from './examples.js';
import type { Finding } from './expectation-result.js';
import { whereOf } from './rule-sql.js';
import { type FileColumn, jsonRow } from './value-json.js';

type CustomSql = Rule<'custom_sql'>;

/**
 * Counts the rows that custom SQL returns, and keeps the first ones. SQL that is refused, fails, or runs out of time or memory is
 * an error of the rule, so that the others are judged all the same.
 * @param columns the declared columns of the file: what the SQL sees.
 */
export async function judgeCustomSql(
  { file }: Batch,
  e: CustomSql,
  columns: readonly string[],
  options: StatementOptions,
): Promise<Finding> {
  const finding: Promise<Finding> = inSandbox(file, e, columns, options, async (sandbox, returned) => {
    const [count] = await sandbox.all<{ n: string }>(`SELECT count(*) AS n FROM ${asTable(e.sql)}`);
    const failed = Number(count?.n ?? 0);
    if (failed === 0) return { failed };
    const shown = returned.filter(({ name }) => name !== sandboxRowNumber);
    const rows = await sandbox.all<{ row: string }>(
      `SELECT ${jsonRow(shown, 's', { textMax: exampleTextMax })} AS row
       FROM (SELECT * FROM ${asTable(e.sql)} LIMIT ${limits.expectationExamples}) AS s`,
    );
    return { failed, examples: rows.map(({ row }) => JSON.parse(row) as Record<string, unknown>) };
  });
  return finding.catch((error: unknown): Finding => {
    if (!(error instanceof DefinitionError)) throw error;
    const reason = error.where === undefined ? error.message : error.message.slice(error.where.length + 2);
    return { failed: 0, observed: null, error: { reason, mend: error.mend ?? 'mend the SQL' } };
  });
}

/**
 * Makes a table of one column `_row`, the numbers of the rows that custom SQL returns.
 * @param table as SQL.
 */
export async function keepBadRows(
  { session, file }: Batch,
  e: CustomSql,
  columns: readonly string[],
  table: string,
  options: StatementOptions,
): Promise<void> {
  const most = limits.customSqlQuarantineMax;
  const numbers = await inSandbox(file, e, columns, options, async (sandbox) => {
    const [found] = await sandbox.all<{ numbers: string | null }>(
      `SELECT string_agg(DISTINCT ${sandboxRowNumber}::BIGINT, ',') AS numbers
       FROM (SELECT DISTINCT ${sandboxRowNumber} FROM ${asTable(e.sql)} LIMIT ${most + 1})`,
    );
    return found?.numbers ?? '';
  });
  if (numbers.split(',').length > most) {
    throw new DefinitionError(
      `it returns more than ${most.toLocaleString('en')} rows, which are too many to set aside`,
      {
        where: whereOf(e),
        mend: 'mend the SQL or the source, or use severity error or warn',
      },
    );
  }
  await session.run(`CREATE TEMP TABLE ${table} (_row BIGINT)`, [], options);
  if (numbers === '') return;
  await session.run(`INSERT INTO ${table} SELECT unnest(string_split($1, ','))::BIGINT`, [numbers], options);
}

function inSandbox<T>(
  file: string,
  e: CustomSql,
  columns: readonly string[],
  options: StatementOptions,
  work: (sandbox: Sandbox, returned: readonly FileColumn[]) => Promise<T>,
): Promise<T> {
  const rows = { file, columns: columns.map((name) => ({ name })) };
  return withSandbox(rows, options, async (sandbox) => {
    const returned = await checkQuery(sandbox, e);
    return work(sandbox, returned).catch((error: unknown) => {
      throw withoutValues(error);
    });
  }).catch((error: unknown) => {
    throw refusal(e, error);
  });
}

/** What DuckDB says of SQL at the data quotes values of rows, texts and numbers, which belong into no message or history. */
function withoutValues(error: unknown): unknown {
  if (!(error instanceof SandboxError) || error.reason !== 'sql') return error;
  return new SandboxError('sql', error.message.replace(/(['"]).*\1|(?<![\w.])-?\d[\w.+:-]*/g, '…'));
}

/**
 * Checks custom SQL without any data.
 * @throws DefinitionError naming the expectation.
 */
export async function checkCustomSql(expectations: readonly CustomSql[], columns: Schema): Promise<void> {
  const typed = Object.entries(columns).map(([name, type]) => ({ name, type: sqlType(type) }));
  await withSandbox({ columns: typed }, {}, async (sandbox) => {
    for (const e of expectations) {
      await checkQuery(sandbox, e).catch((error: unknown) => {
        throw refusal(e, error, Object.keys(columns));
      });
    }
  });
}

async function checkQuery(sandbox: Sandbox, e: CustomSql): Promise<FileColumn[]> {
  await checkSandboxQuery(sandbox, e.sql);
  const returned = await sandboxColumns(sandbox, e.sql);
  const number = returned.find(({ name }) => name === sandboxRowNumber);
  if (e.severity === 'quarantine' && number?.type !== 'BIGINT') {
    throw new DefinitionError(`it does not return ${sandboxRowNumber}, so nobody can tell which rows to set aside`, {
      where: whereOf(e),
      mend: `return the rows as they are (SELECT * FROM rows WHERE …) or the column ${sandboxRowNumber}, or use severity error or warn`,
    });
  }
  return returned;
}

const mends = {
  time: 'make it do less: no joins of all rows with all, no recursion without end',
  memory: 'make it do less: no joins of all rows with all, no huge lists or texts',
} as const;

function refusal(e: CustomSql, error: unknown, columns: readonly string[] = []): unknown {
  if (!(error instanceof SandboxError)) return error;
  const known = columns.length === 0 ? '' : `; rows has ${[...columns, sandboxRowNumber].join(', ')}`;
  const mend =
    error.reason === 'sql'
      ? `write one SELECT that returns the bad rows of the table rows${known}; where a cast may fail, TRY_CAST`
      : mends[error.reason];
  return new DefinitionError(error.message, { where: whereOf(e), mend, cause: error });
}
