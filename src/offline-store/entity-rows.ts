import { didYouMean } from '../did-you-mean.js';
import { DataError, DefinitionError } from '../errors.js';
import { id, type Lake, type Session, tempTable } from '../lake/index.js';
import { sqlType, typeName, type ValueType } from '../types.js';
import type { EntityInput, EntityRequest, EntitySource } from './entity-input.js';
import { columnTypes, openEntitySource } from './entity-source.js';
import { type EntityRelation, internalPrefix, positionColumn } from './point-in-time.js';

export type { EntityInput } from './entity-input.js';

/** Entity rows in a temporary table of the session. */
export interface PreparedEntities extends EntityRelation {
  /** Column → SQL type, in the caller's order; without the position. */
  readonly types: Readonly<Record<string, string>>;
  readonly rowCount: number;
  /** First and last time, microseconds since 1970; undefined when there is none. */
  readonly range: { readonly fromUs: bigint; readonly toUs: bigint } | undefined;
}

const loadedTable = tempTable('entity_rows_as_given');
const entityTable = tempTable('entity_rows');

/**
 * Loads the entity rows, keys cast to the types of the views' join keys and the time to a moment in UTC (no zone = UTC).
 * @throws DefinitionError when columns are missing, clash with features or leave the time open; DataError when the file can't be
 * read or a value is no key or time, naming row and column.
 */
export async function prepareEntities(
  session: Session,
  lake: Lake,
  input: EntityInput,
  request: EntityRequest,
): Promise<PreparedEntities> {
  const { keys, signal } = request;
  const source = await openEntitySource(session, lake, input, request);
  const timestamp = chooseTimestamp(source, request);
  checkColumns(source, request);
  const text = [...Object.keys(keys), timestamp];
  const wanted = request.ownColumns
    ? Object.keys(source.columns)
    : Object.keys(source.columns).filter((c) => text.includes(c));
  await source.load(loadedTable, positionColumn, wanted, text);
  const loaded = await columnTypes(session, `FROM ${loadedTable}`);
  const casts: Record<string, string> = {};
  for (const column of wanted) {
    const target = column === timestamp ? momentType : keys[column];
    if (target === undefined || loaded[column] === sqlType(target)) continue;
    casts[column] = await castColumn(session, source, column, loaded[column] as string, target);
  }
  const columns = wanted.map((column) =>
    casts[column] === undefined ? id(column) : `${casts[column]} AS ${id(column)}`,
  );
  await session.run(
    `CREATE OR REPLACE TEMP TABLE ${entityTable} AS SELECT ${[id(positionColumn), ...columns].join(', ')} FROM ${loadedTable}`,
    [],
    { signal },
  );
  await session.run(`DROP TABLE ${loadedTable}`);
  const { [positionColumn]: _, ...types } = await columnTypes(session, `FROM ${entityTable}`);
  const facts = await session.one<{ n: bigint; first: bigint | null; last: bigint | null }>(
    `SELECT count(*) AS n, epoch_us(min(${id(timestamp)})) AS first, epoch_us(max(${id(timestamp)})) AS last FROM ${entityTable}`,
    [],
    { signal },
  );
  const { n = 0n, first = null, last = null } = facts ?? {};
  return {
    relation: entityTable,
    columns: wanted,
    timestamp,
    types,
    rowCount: Number(n),
    range: first === null || last === null ? undefined : { fromUs: first, toUs: last },
  };
}

const momentType: ValueType = { kind: 'timestamp' };

function chooseTimestamp({ name, columns }: EntitySource, { entityTimestamp, keys }: EntityRequest): string {
  const names = Object.keys(columns);
  if (entityTimestamp !== undefined) {
    if (names.includes(entityTimestamp)) return entityTimestamp;
    throw new DefinitionError(`there is no column "${entityTimestamp}"`, {
      where: name,
      mend: suggest(entityTimestamp, names),
    });
  }
  if (names.includes('event_timestamp')) return 'event_timestamp';
  const others = names.filter((column) => keys[column] === undefined);
  const moments = others.filter((column) => columns[column]?.startsWith('TIMESTAMP') === true);
  const candidates = moments.length > 0 ? moments : others.filter((column) => columns[column] === 'DATE');
  if (candidates.length === 1) return candidates[0] as string;
  const found =
    candidates.length === 0
      ? `no column holds timestamps (columns: ${names.join(', ')})`
      : `${candidates.map((column) => `"${column}"`).join(' and ')} both hold timestamps`;
  throw new DefinitionError(`can't tell the time of the entity rows: ${found}`, {
    where: name,
    mend: `call the column event_timestamp, or name it: entityTimestamp${candidates[0] === undefined ? '' : `: '${candidates[0]}'`} (--entity-timestamp)`,
  });
}

function checkColumns({ name, columns }: EntitySource, { keys, outputs }: EntityRequest): void {
  const names = Object.keys(columns);
  const missing = Object.keys(keys).find((key) => !names.includes(key));
  if (missing !== undefined) {
    throw new DefinitionError(`the join key "${missing}" is missing`, { where: name, mend: suggest(missing, names) });
  }
  const internal = names.find((column) => column.startsWith(internalPrefix));
  if (internal !== undefined) {
    throw new DefinitionError(`column "${internal}" has a name kept for the join itself`, {
      where: name,
      mend: 'rename it',
    });
  }
  const known = new Map(names.map((column) => [column.toLowerCase(), column]));
  const clash = outputs.find((output) => known.has(output.toLowerCase()));
  if (clash !== undefined) {
    throw new DefinitionError(
      `the entity rows have a column "${known.get(clash.toLowerCase())}", the name of a feature asked for`,
      {
        where: name,
        mend: `rename the column, give the feature another name with .prefixed('view_'), or ask for full feature names`,
      },
    );
  }
}

/** @returns the cast as SQL, after every value was found to survive it: none becomes null or another value in silence. */
async function castColumn(
  session: Session,
  source: EntitySource,
  column: string,
  from: string,
  to: ValueType,
): Promise<string> {
  const isTime = to.kind === 'timestamp';
  const allowed = isTime ? /^(TIMESTAMP|DATE|VARCHAR|"NULL")/ : castable[to.kind];
  if (allowed === undefined || !allowed.test(from)) {
    throw new DataError(`column "${column}" is ${from}, which can't be used as ${typeName(to)}`, {
      where: source.name,
      mend: isTime
        ? `give times such as 2021-04-16T20:29:28Z; epoch numbers convert with SQL: to_timestamp(${column})`
        : `write the column as ${typeName(to)}, the type of the join key`,
    });
  }
  const cast = `CAST(${id(column)} AS ${sqlType(to)})`;
  const bad = [`TRY_CAST(${id(column)} AS ${sqlType(to)}) IS NULL`];
  // Casts to whole numbers round, also those of text.
  if (to.kind === 'int32' || to.kind === 'int64') {
    if (from === 'VARCHAR') bad.push(`NOT regexp_full_match(trim(${id(column)}), '[+-]?\\d+(\\.0*)?')`);
    else bad.push(`TRY_CAST(TRY_CAST(${id(column)} AS ${sqlType(to)}) AS ${from}) IS DISTINCT FROM ${id(column)}`);
  }
  const found = await session.one<{ position: bigint; value: string }>(
    `SELECT ${id(positionColumn)} AS position, ${id(column)}::VARCHAR AS value FROM ${loadedTable}
     WHERE ${id(column)} IS NOT NULL AND (${bad.join(' OR ')}) ORDER BY 1 LIMIT 1`,
  );
  if (found === undefined) return cast;
  throw new DataError(
    `${JSON.stringify(found.value)} in column "${column}" is not ${isTime ? 'a time' : `of type ${typeName(to)}`}`,
    {
      where: `${source.name}, row ${found.position}`,
      mend: isTime
        ? 'write times as 2021-04-16T20:29:28Z; without a zone they are UTC'
        : 'mend the value, or leave it out (null) to get no features',
    },
  );
}

/** Types of a column that can stand for a join key of each kind. */
const castable: Readonly<Record<string, RegExp>> = {
  int32: /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL|VARCHAR|"NULL")/,
  int64: /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL|VARCHAR|"NULL")/,
  float32: /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL|VARCHAR|"NULL")/,
  float64: /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL|VARCHAR|"NULL")/,
  string: /^(VARCHAR|U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|UUID|ENUM|BOOLEAN|"NULL")/,
  bool: /^(BOOLEAN|VARCHAR|"NULL")/,
  bytes: /^(BLOB|VARCHAR|"NULL")/,
};

/** `did you mean "x"? it has …`: the mend for a name that is not there. */
export function suggest(wanted: string, names: readonly string[]): string {
  const listed = names.length === 0 ? 'there are no columns' : `there are ${names.join(', ')}`;
  return `${didYouMean(wanted, names)}${listed}`;
}
