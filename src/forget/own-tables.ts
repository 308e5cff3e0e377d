import type { SystemTable } from '../lake/index.js';

/**
 * Columns of asof's own tables that hold no values of rows: words of definitions, which are their author's to change, and hashes.
 * All other texts are looked at. Every table stands here, so that whoever adds one has to think of those who are forgotten.
 */
const withoutValues: Readonly<Record<SystemTable, 'all' | readonly string[]>> = {
  lake: 'all',
  registry_head: 'all',
  // Looked at all the same, to name definitions that name a key.
  registry_objects: 'all',
  run_events: [],
  validation_results: [],
  expectation_results: ['expectation'],
  publications: [],
  stream_claims: [],
  outbox: [],
  dispatches: [],
  quarantine: ['rule', 'broken', 'types'],
  dead_letters: [],
  pins: [],
  training_sets: [],
  thinned_snapshots: 'all',
  expiring_snapshots: 'all',
  upkeep_runs: [],
  // Never the key, only a hash of it.
  forgets: 'all',
  pii_key: 'all',
};

/** A table's columns that hold texts, by DuckDB's types. */
export const textColumns = (columns: ReadonlyMap<string, string>): Map<string, string> =>
  new Map([...columns].filter(([, type]) => type === 'VARCHAR' || type === 'BLOB' || type === 'JSON'));

/** Of one of asof's own tables, or of any other, the columns in which an entity may be told of. */
export function tellingColumns(table: string | undefined, columns: ReadonlyMap<string, string>): Map<string, string> {
  const silent = isOwn(table) ? withoutValues[table] : [];
  if (silent === 'all') return new Map();
  return new Map([...textColumns(columns)].filter(([name]) => !silent.includes(name)));
}

const isOwn = (table: string | undefined): table is SystemTable =>
  table !== undefined && Object.hasOwn(withoutValues, table);

type Row = Readonly<Record<string, unknown>>;

const textOf = (value: unknown): string =>
  value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : String(value);

/** What was observed tells by the column it was observed of, which stands beside it. */
const isObserved = (table: string | undefined, column: string): boolean =>
  table === 'expectation_results' && column === 'observed';

/** A column's text, with what it takes to understand it. */
export function toldBy(table: string | undefined, row: Row, column: string): string {
  const text = textOf(row[column]);
  if (!isObserved(table, column)) return text;
  return `{"columns":${textOf(row['columns'] ?? '[]')},"rule":${JSON.stringify(row['rule'] ?? null)},"observed":${text}}`;
}

/** What goes back into the column of a text by {@link toldBy}. */
export const keptOf = (table: string, column: string, told: string): string =>
  isObserved(table, column) ? JSON.stringify((JSON.parse(told) as Row)['observed'] ?? null) : told;
