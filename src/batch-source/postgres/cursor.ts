import type { PostgresSource } from '../../definitions/postgres-source.js';
import { DataError, DefinitionError } from '../../errors.js';
import { id, lit } from '../../lake/index.js';
import { cursorTypes, timeTypes } from './column-types.js';
import { findColumn, type PostgresColumn, relationSql } from './relation.js';

/** From where to where a run read, as text of Postgres; both ends included. */
export interface CursorRange {
  readonly column: string;
  /** Postgres' type of it. */
  readonly type: string;
  /** Where the run before ended; absent = all was read. */
  readonly after?: string;
  /** Where reading started: `after`, or `cursorLag` before it. */
  readonly from?: string;
  /** The largest value there was; absent = there were no rows. */
  readonly to?: string;
}

/** Where a run ended, and in which database. */
export interface LastCursor extends Pick<CursorRange, 'type'> {
  readonly database: string;
  readonly to: string;
}

/** What there is to read, as {@link CursorSql.look} finds it. */
export interface CursorFound {
  /** The largest value. */
  readonly mark: string | null;
  /** It is smaller than where the last run ended. */
  readonly behind: boolean | null;
  /** Where reading starts. */
  readonly start: string | null;
  /** Rows without a value that can be compared. */
  readonly unread: bigint;
}

/** The cursor of a source, as SQL for Postgres over the relation `q`. */
export interface CursorSql {
  readonly column: string;
  readonly type: string;
  /** Where the last run ended; absent = all is read. */
  readonly after: string | undefined;
  /** A query of one row, {@link CursorFound}. */
  readonly look: string;
  /** The condition for the rows to read. */
  where(range: CursorRange): string;
}

/**
 * @param last where the last run ended; of another database or type it says nothing about this one.
 * @throws DefinitionError for a column whose values don't grow, and a lag of another kind.
 */
export function cursorSql(
  source: PostgresSource,
  columns: readonly PostgresColumn[],
  { last, database }: { last: LastCursor | undefined; database: string },
  where: string,
): CursorSql | undefined {
  if (source.cursor === undefined) return undefined;
  const { type } = findColumn(columns, source.cursor, 'cursor', where);
  if (type.isArray || !type.builtIn || !cursorTypes.includes(type.name)) {
    throw new DataError(`column "${source.cursor}" (cursor) is ${type.shown}, by which rows can't be told to be new`, {
      where,
      mend: 'use a column of whole numbers or times that only grows, such as an id or updated_at',
    });
  }
  const after = last?.database === database && last.type === type.name ? last.to : undefined;
  const isTime = timeTypes.includes(type.name);
  const x = `q.${id(source.cursor)}`;
  const { cast, usable, unusable } = comparison(type.name, x);
  const value = (text: string): string => `${lit(text)}::${cast}`;
  const end = after === undefined ? `NULL::${cast}` : value(after);
  const from = `FROM ${relationSql(source)} AS q WHERE`;
  return {
    column: source.cursor,
    type: type.name,
    after,
    look: `SELECT m.mark::text AS mark, m.mark < ${end} AS behind, (${end}${lagSql(source, isTime, type.shown, where)})::${cast}::text AS start,
      (SELECT count(*) ${from} ${unusable}) AS unread FROM (SELECT max(${x}) AS mark ${from} ${usable}) AS m`,
    where: ({ from: first, to }) =>
      [
        usable,
        ...(first === undefined ? [] : [`${x} >= ${value(first)}`]),
        // No rows with a value: nothing to read.
        to === undefined ? 'false' : `${x} <= ${value(to)}`,
      ].join(' AND '),
  };
}

/**
 * Infinities and NaN stay the largest value for ever: a cursor that came to them would find nothing new again. Conditions are
 * such that an index on the column serves them.
 */
function comparison(type: string, x: string): { cast: string; usable: string; unusable: string } {
  if (timeTypes.includes(type)) {
    const unusable = `(${x} IS NULL OR ${x} = 'infinity' OR ${x} = '-infinity')`;
    return { cast: type, usable: `${x} > '-infinity' AND ${x} < 'infinity'`, unusable };
  }
  if (type === 'numeric') {
    const usable = `${x} < 'NaN' AND ${x}::text NOT LIKE '%Inf%'`;
    return { cast: type, usable, unusable: `(${usable}) IS NOT TRUE` };
  }
  return { cast: 'int8', usable: `${x} IS NOT NULL`, unusable: `${x} IS NULL` };
}

/** The range to read. A table that was emptied and filled again leaves the cursor where it was. */
export function rangeOf({ column, type, after }: CursorSql, { mark, behind, start }: CursorFound): CursorRange {
  const to = mark === null || behind === true ? after : mark;
  return {
    column,
    type,
    ...(after === undefined ? {} : { after }),
    ...(start === null ? {} : { from: start }),
    ...(to === undefined ? {} : { to }),
  };
}

function lagSql({ cursorLag, cursor }: PostgresSource, isTime: boolean, shown: string, where: string): string {
  if (cursorLag === undefined) return '';
  if ('ms' in cursorLag !== isTime) {
    throw new DefinitionError(`cursorLag is ${isTime ? 'a number' : 'a time'}, the cursor "${cursor}" is ${shown}`, {
      where,
      mend: isTime ? "write cursorLag: '10 minutes'" : 'write how much smaller a number may be: cursorLag: 1000',
    });
  }
  return 'ms' in cursorLag ? ` - interval '${cursorLag.ms} milliseconds'` : ` - ${cursorLag.difference}`;
}
