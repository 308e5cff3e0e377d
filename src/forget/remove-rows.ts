import { id, type Lake, type Session } from '../lake/index.js';
import { type ForgottenKey, rowsOf } from './key.js';
import { headOf, type KeyTable, keyTables, mayHold, textTables, viewKeysOf } from './lake-tables.js';
import { keptOf, toldBy } from './own-tables.js';
import { eventHolds, holds, redacted } from './text.js';

/** What was found, and removed, of the keys. */
export interface Removed {
  /** Table → rows. */
  readonly tables: Readonly<Record<string, number>>;
  /** asof's own tables → rows removed, or freed of what they told. */
  readonly records: Readonly<Record<string, number>>;
  /** Definitions that name a key; they are the author's to change. */
  readonly definitions: readonly string[];
  /** That holds the deletion, or the newest one where there was nothing to delete. */
  readonly snapshot: number;
}

/** Rows that are data of an entity: they go as a whole. */
const wholeRows = new Set(['quarantine', 'dead_letters']);

/**
 * Deletes the keys' rows from all tables of the project, each in a transaction of its own: one for all would lose against a writer of
 * any of them, every time. A request that is cut short finds the rest when it is made again.
 */
export async function removeRows(
  lake: Lake,
  keys: readonly ForgottenKey[],
  { dryRun, signal }: { dryRun: boolean; signal?: AbortSignal | undefined },
): Promise<Removed> {
  const tables = await keyTables(lake, keys);
  const own = await textTables(lake);
  const before = await count(lake, keys, tables, own);
  const removed = { ...before, tables: { ...before.tables }, records: { ...before.records } };
  let snapshot = await lake.currentSnapshot();
  if (dryRun) return { ...removed, snapshot };
  const commit = async (work: (session: Session) => Promise<number>): Promise<number> => {
    const done = await lake.transaction({ message: 'forget an entity', signal }, work);
    snapshot = done.snapshot;
    return done.result;
  };
  for (const table of tables) {
    if (removed.tables[table.name] === 0) continue;
    removed.tables[table.name] = await commit((session) => deleteRows(session, lake, keys, table));
  }
  for (const table of own) {
    if (removed.records[table.name] === undefined) continue;
    removed.records[table.name] = await commit((session) => removeTexts(session, lake, keys, table));
  }
  return { ...removed, snapshot };
}

async function deleteRows(
  session: Session,
  lake: Lake,
  keys: readonly ForgottenKey[],
  table: KeyTable,
): Promise<number> {
  const { sql, values } = conditionOf(keys, table);
  const deleted = await session.run(`DELETE FROM ${lake.table(table.name)} WHERE ${sql}`, values);
  const view = viewKeysOf(table);
  // Who compares rows to publish compares them again.
  if (view !== undefined) await session.run(`UPDATE ${headOf(lake, view)} SET publishes = publishes + 1`);
  else
    await session.run(`UPDATE ${lake.system('training_sets')} SET "rows" = "rows" - $1 WHERE place = $2`, [
      BigInt(deleted),
      `table ${table.name}`,
    ]);
  return deleted;
}

const conditionOf = (keys: readonly ForgottenKey[], { columns }: KeyTable) =>
  rowsOf(keys, columns) ?? { sql: 'false', values: [] };

async function count(
  lake: Lake,
  keys: readonly ForgottenKey[],
  tables: readonly KeyTable[],
  own: readonly KeyTable[],
): Promise<Omit<Removed, 'snapshot'>> {
  const counts: Record<string, number> = {};
  for (const table of tables) {
    const { sql, values } = conditionOf(keys, table);
    const found = await lake.one<{ n: bigint }>(
      `SELECT count(*) AS n FROM ${lake.table(table.name)} WHERE ${sql}`,
      values,
    );
    counts[table.name] = Number(found?.n ?? 0);
  }
  const records: Record<string, number> = {};
  const definitions: string[] = [];
  for (const table of own) {
    const found = await textHits(lake, lake, keys, table);
    if (found.length === 0) continue;
    if (table.name === 'registry_objects')
      definitions.push(...new Set(found.map(({ row }) => `${row['kind']} ${row['name']}`)));
    else records[table.name] = found.length;
  }
  return { tables: counts, records, definitions };
}

interface TextHit {
  readonly rowid: bigint;
  readonly row: Readonly<Record<string, unknown>>;
  /** Columns that tell of a key. */
  readonly columns: readonly string[];
}

async function textHits(
  from: Pick<Session, 'all'>,
  lake: Lake,
  keys: readonly ForgottenKey[],
  table: KeyTable,
): Promise<TextHit[]> {
  const names = [...table.columns.keys()];
  const { sql, values } = mayHold(names, table.columns, keys);
  const rows = await from.all<Record<string, unknown>>(
    `SELECT rowid, ${names.map(id).join(', ')} FROM ${lake.system(table.name)} WHERE ${sql}`,
    values,
  );
  const isMeant = table.name === 'dead_letters' ? eventHolds : holds;
  return rows.flatMap(({ rowid, ...row }) => {
    const columns = names.filter((name) => row[name] != null && isMeant(toldBy(table.name, row, name), keys));
    return columns.length === 0 ? [] : [{ rowid: rowid as bigint, row, columns }];
  });
}

async function removeTexts(
  session: Session,
  lake: Lake,
  keys: readonly ForgottenKey[],
  table: KeyTable,
): Promise<number> {
  const name = lake.system(table.name);
  const hits = await textHits(session, lake, keys, table);
  for (const { rowid, row, columns } of hits) {
    const left = columns.map((column) => {
      const told = redacted(toldBy(table.name, row, column), keys);
      return told === undefined ? undefined : keptOf(table.name, column, told);
    });
    if (wholeRows.has(table.name) || left.some((text) => text === undefined)) {
      await session.run(`DELETE FROM ${name} WHERE rowid = $1`, [rowid]);
    } else {
      const set = columns.map((column, index) => `${id(column)} = $${index + 2}`).join(', ');
      await session.run(`UPDATE ${name} SET ${set} WHERE rowid = $1`, [rowid, ...(left as string[])]);
    }
  }
  return hits.length;
}
