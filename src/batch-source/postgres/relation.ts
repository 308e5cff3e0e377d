import type pg from 'pg';
import type { PostgresSource } from '../../definitions/postgres-source.js';
import { DataError } from '../../errors.js';
import { id } from '../../lake/index.js';
import { columnsMend } from '../csv-header.js';
import { type ColumnReading, columnReading, type PostgresType, textTypes, timeTypes } from './column-types.js';

export interface PostgresColumn extends ColumnReading {
  readonly name: string;
  readonly type: PostgresType;
}

/** What a source reads: a table's quoted name or a query in brackets, to stand after FROM. */
export function relationSql({ table, query }: Pick<PostgresSource, 'table' | 'query'>): string {
  if (query !== undefined) return `(\n${query}\n)`;
  return (table ?? '').split('.').map(id).join('.');
}

const typesQuery = `
  SELECT format_type(f.oid, f.typmod) AS shown,
    coalesce(b.typname, e.typname, t.typname) AS name,
    t.typcategory = 'A' AND e.oid IS NOT NULL AS is_array,
    coalesce(b.typnamespace, e.typnamespace, t.typnamespace) = 'pg_catalog'::regnamespace AS built_in
  FROM unnest($1::oid[], $2::int4[]) WITH ORDINALITY AS f(oid, typmod, place)
  JOIN pg_catalog.pg_type AS t ON t.oid = f.oid
  LEFT JOIN pg_catalog.pg_type AS e ON e.oid = t.typelem AND t.typcategory = 'A'
  LEFT JOIN pg_catalog.pg_type AS b ON b.oid = e.typbasetype
  ORDER BY f.place`;

/**
 * Columns and types of what a source reads, without a row of it.
 * @throws DataError for columns without a name of their own, and for times that are none; pg's error when Postgres refuses the query.
 */
export async function describeRelation(
  client: pg.Client,
  source: PostgresSource,
  where: string,
): Promise<PostgresColumn[]> {
  const { fields } = await client.query(`SELECT * FROM ${relationSql(source)} AS q LIMIT 0`);
  const { rows: types } = await client.query<{ shown: string; name: string; is_array: boolean; built_in: boolean }>(
    typesQuery,
    [fields.map(({ dataTypeID }) => dataTypeID), fields.map(({ dataTypeModifier }) => dataTypeModifier)],
  );
  const columns = fields.map(({ name }, index): PostgresColumn => {
    const found = types[index];
    if (found === undefined) throw new Error(`Postgres told no type of column "${name}"`);
    const { shown, is_array: isArray, built_in: builtIn } = found;
    const type: PostgresType = { shown, name: found.name, isArray, builtIn };
    return { name, type, ...columnReading(name, type) };
  });
  checkNames(columns, where);
  for (const role of ['timestampField', 'createdTimestampField'] as const) {
    if (source[role] !== undefined) checkTime(columns, role, source[role], where);
  }
  return columns;
}

function checkNames(columns: readonly PostgresColumn[], where: string): void {
  if (columns.length === 0)
    throw new DataError('it has no columns', { where, mend: 'read a table or query that has some' });
  const seen = new Map<string, string>();
  for (const { name } of columns) {
    const twin = seen.get(name.toLowerCase());
    if (twin !== undefined) {
      throw new DataError(
        twin === name
          ? `two columns are named "${name}"`
          : `columns "${twin}" and "${name}" differ in upper and lower case only`,
        { where, mend: 'read it by a query that gives each a name of its own: SELECT … AS other_name' },
      );
    }
    seen.set(name.toLowerCase(), name);
  }
}

/** @throws DataError when there is no such column. */
export function findColumn(
  columns: readonly PostgresColumn[],
  name: string,
  role: string,
  where: string,
): PostgresColumn {
  const found = columns.find((column) => column.name === name);
  if (found !== undefined) return found;
  const names = columns.map((column) => column.name);
  throw new DataError(`there is no column "${name}" (${role})`, { where, mend: columnsMend(name, names, 'there are') });
}

/** Told before rows are read: a table may be large. */
function checkTime(columns: readonly PostgresColumn[], role: string, name: string, where: string): void {
  const { type } = findColumn(columns, name, role, where);
  if (!type.isArray && type.builtIn && [...timeTypes, ...textTypes].includes(type.name)) return;
  throw new DataError(`column "${name}" (${role}) is ${type.shown}, which is no time`, {
    where,
    mend: `name a date, timestamp or timestamptz column, or make one in a query, e.g. to_timestamp(${name})`,
  });
}
