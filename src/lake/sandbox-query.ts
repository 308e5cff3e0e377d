import type { Sandbox } from './sandbox-database.js';
import { SandboxError } from './sandbox-error.js';
import { lit } from './sql.js';

/** A part of a statement as DuckDB's parser tells it; which fields there are depends on its type. */
type Node = { readonly [field: string]: unknown };

/** Functions in FROM that make rows of nothing but their arguments. */
const tableFunctions: readonly string[] = ['unnest', 'range', 'generate_series'];

/** Functions that tell of, or reach for, what is around the data. */
const closedFunctions =
  /^(current_setting|getenv|getvariable|nextval|currval|setseed|write_log|query|query_table|pragma_.*|duckdb_.*|pg_.*|read_.*|scan_.*|parquet_.*|sniff_.*|glob|sleep_ms)$/;

const tableTypes: readonly string[] = [
  'BASE_TABLE',
  'SUBQUERY',
  'JOIN',
  'EXPRESSION_LIST',
  'TABLE_FUNCTION',
  'EMPTY',
  'COLUMN_DATA',
  'PIVOT',
];

/**
 * Whether SQL is one SELECT over `rows` and what it makes of them. The sandbox holds by itself; this says it in clear words, and
 * before anything is executed.
 * @throws SandboxError
 */
export async function checkSandboxQuery(sandbox: Sandbox, sql: string): Promise<void> {
  const [row] = await sandbox.all<{ tree: string }>(`SELECT json_serialize_sql(${lit(sql)})::VARCHAR AS tree`);
  const tree = JSON.parse(row?.tree ?? '{}') as {
    error?: boolean;
    error_type?: string;
    error_message?: string;
    statements?: readonly Node[];
  };
  if (tree.error !== false) {
    const refused = tree.error_type === 'not implemented';
    throw wrong(
      refused ? 'it is no SELECT' : `it can't be read: ${tree.error_message ?? 'the parser gives no reason'}`,
    );
  }
  const statements = tree.statements ?? [];
  if (statements.length !== 1) throw wrong(`it has ${statements.length} statements, and may have one`);
  const [statement] = statements;
  checkNode(statement, new Set(namesOf(statement)));
}

const wrong = (what: string): SandboxError => new SandboxError('sql', what);

/** The names that WITH gives, wherever it stands. */
function namesOf(node: unknown): string[] {
  if (Array.isArray(node)) return node.flatMap(namesOf);
  if (!isNode(node)) return [];
  const map = isNode(node['cte_map']) ? (node['cte_map']['map'] as readonly Node[]) : [];
  return [...map.map((entry) => String(entry['key']).toLowerCase()), ...Object.values(node).flatMap(namesOf)];
}

function checkNode(node: unknown, names: ReadonlySet<string>): void {
  if (Array.isArray(node)) for (const item of node) checkNode(item, names);
  if (!isNode(node)) return;
  if (node['class'] === 'PARAMETER') throw wrong('it has a parameter, and there is nothing to put there');
  if (node['type'] === 'BASE_TABLE') checkTable(node, names);
  if (node['type'] === 'SHOW_REF') throw wrong('DESCRIBE, SHOW and SUMMARIZE are no rows of the data');
  if (typeof node['function_name'] === 'string') {
    const name = node['function_name'].toLowerCase();
    if (closedFunctions.test(name)) throw wrong(`${name}() reaches beyond the rows`);
  }
  if (node['type'] === 'TABLE_FUNCTION') {
    const called = isNode(node['function']) ? String(node['function']['function_name']).toLowerCase() : '';
    if (!tableFunctions.includes(called)) throw wrong(`${called}() reaches beyond the rows`);
  }
  for (const field of ['from_table', 'left', 'right']) {
    const table = node[field];
    // Expressions have a class, tables have none.
    if (!isNode(table) || table['class'] !== undefined || typeof table['type'] !== 'string') continue;
    if (field !== 'from_table' && node['type'] !== 'JOIN') continue;
    if (!tableTypes.includes(table['type'])) throw wrong(`${table['type'].toLowerCase()} can't stand in FROM`);
  }
  for (const value of Object.values(node)) checkNode(value, names);
}

function checkTable(node: Node, names: ReadonlySet<string>): void {
  const parts = [node['catalog_name'], node['schema_name'], node['table_name']].filter((part) => part !== '');
  const name = parts.join('.');
  if (parts.length === 1 && (name.toLowerCase() === 'rows' || names.has(name.toLowerCase()))) return;
  throw wrong(`it reads "${name}", and may read rows only`);
}

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The query as a table: a comment at its end must not swallow the bracket. */
export const asTable = (sql: string): string => `(${sql.trim().replace(/;\s*$/, '')}\n)`;

/** The columns that a query gives. */
export async function sandboxColumns(sandbox: Sandbox, sql: string): Promise<{ name: string; type: string }[]> {
  return sandbox.all(`SELECT column_name AS name, column_type AS type FROM (DESCRIBE SELECT * FROM ${asTable(sql)})`);
}
