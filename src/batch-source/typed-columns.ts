import type { PiiRules } from '../definitions/pii-rules.js';
import { DataError } from '../errors.js';
import { id, lit, type Session, type SqlValue, type StatementOptions } from '../lake/index.js';
import { sqlType, typeName, type ValueType } from '../types.js';
import { type Conversion, type ConversionOptions, conversion } from './conversion.js';
import { columnsMend } from './csv-header.js';
import { positionColumn, type SourceColumn } from './source-reader.js';

/** A column that is wanted of a file. */
export interface WantedColumn {
  /** Name in the file. */
  readonly from: string;
  /** Name it gets. */
  readonly to: string;
  readonly type: ValueType;
  /** Nulls are an error. */
  readonly required: boolean;
  /** Where the file has no such column, all values are null. */
  readonly optional?: boolean;
  /** What it is for, in errors: `join key`, `feature`, `timestampField`. */
  readonly role: string;
}

export interface TypingContext extends ConversionOptions, StatementOptions {
  /** The view, for errors. */
  readonly view: string;
  /** The file as its owner knows it, for errors. */
  readonly shown: string;
  readonly pii?: PiiRules | undefined;
}

export interface TypedColumns {
  /** A relation in parentheses: the wanted columns under their new names, and the position. */
  readonly relation: string;
  readonly rows: number;
}

/** Columns in one message; a file that is wrong everywhere needs no longer one. */
const problemsShown = 5;

/**
 * Finds the wanted columns in a staging file and checks every value against its type, in one scan, before anything is written.
 * @throws DataError naming file, column, number of values and the first row: a missing column, a wrong column type, a value that
 * does not fit, a null where none may be.
 */
export async function typeColumns(
  session: Session,
  file: string,
  columns: readonly SourceColumn[],
  wanted: readonly WantedColumn[],
  context: TypingContext,
): Promise<TypedColumns> {
  const typed = wanted.map((want) => ({ want, ...conversionOf(want, columns, context) }));
  const from = `read_parquet(${lit(file)})`;
  const counted = typed.flatMap(({ bad, value, want }, index) => [
    `count_if(${bad}) AS bad_${index}`,
    `min(${positionColumn}) FILTER (WHERE ${bad}) AS first_bad_${index}`,
    ...(want.required
      ? [
          `count_if(${value} IS NULL AND NOT ${bad}) AS null_${index}`,
          `min(${positionColumn}) FILTER (WHERE ${value} IS NULL AND NOT ${bad}) AS first_null_${index}`,
        ]
      : []),
  ]);
  const counts = await session.one<Record<string, bigint | null>>(
    `SELECT count(*) AS total, ${counted.join(', ')} FROM ${from}`,
    [],
    context,
  );
  const problems: string[] = [];
  for (const [index, { want }] of typed.entries()) {
    const bad = Number(counts?.[`bad_${index}`] ?? 0);
    const nulls = Number(counts?.[`null_${index}`] ?? 0);
    if (bad > 0) problems.push(await badValues(session, from, want, bad, counts?.[`first_bad_${index}`], context));
    if (nulls > 0) {
      problems.push(
        `${want.role} "${want.from}" is null in ${rowsOf(nulls)}, first in row ${String(counts?.[`first_null_${index}`])}`,
      );
    }
  }
  if (problems.length > 0) {
    const more = problems.length > problemsShown ? `; and ${problems.length - problemsShown} more columns` : '';
    throw new DataError(`${problems.slice(0, problemsShown).join('; ')}${more}`, {
      where: context.shown,
      mend: `correct the values, or what view "${context.view}" declares; nothing was written`,
    });
  }
  const list = typed.map(({ want, value }) => `${value} AS ${id(want.to)}`);
  return {
    relation: `(SELECT ${[...list, positionColumn].join(', ')} FROM ${from})`,
    rows: Number(counts?.['total'] ?? 0),
  };
}

function conversionOf(want: WantedColumn, columns: readonly SourceColumn[], context: TypingContext): Conversion {
  const found = columns.find(({ name }) => name === want.from);
  if (found === undefined && want.optional === true)
    return { value: `CAST(NULL AS ${sqlType(want.type)})`, bad: 'false' };
  if (found === undefined) {
    const dropped = context.pii?.[want.from] === 'drop';
    const mend = dropped
      ? "the source's pii rules drop it: hash it instead, or take it out of the view"
      : columnsMend(
          want.from,
          columns.map(({ name }) => name),
          context.text ? 'the file has' : 'there are',
        );
    throw new DataError(`there is no column "${want.from}" (${want.role} of view "${context.view}")`, {
      where: context.shown,
      mend,
    });
  }
  const rule = context.pii?.[want.from];
  const digits = found.digits === true && rule === undefined;
  const made = conversion(found.type, want.type, id(found.name), {
    ...context,
    text: (context.text && rule === undefined) || digits,
  });
  if (made !== undefined && !(digits && !takesDigits(want.type))) return made;
  const protectedAs = rule === undefined ? '' : ` after the source's pii rule "${rule}"`;
  const inDatabase = found.sourceType !== undefined && rule === undefined;
  throw new DataError(
    `column "${want.from}" is ${inDatabase ? found.sourceType : found.type}${protectedAs}, but view "${context.view}" declares it ${typeName(want.type)}`,
    {
      where: context.shown,
      mend: inDatabase
        ? `declare what it is (what has no type of its own here is a string()), or make it ${typeName(want.type)} in a query`
        : `write the column as ${typeName(want.type)}, or declare what it is`,
    },
  );
}

/** What a number's digits may become: a number, or the text they are. */
function takesDigits(type: ValueType): boolean {
  if (type.kind === 'list') return type.items !== undefined && takesDigits(type.items);
  return ['int32', 'int64', 'float32', 'float64', 'string'].includes(type.kind);
}

async function badValues(
  session: Session,
  from: string,
  want: WantedColumn,
  count: number,
  first: SqlValue,
  context: TypingContext,
): Promise<string> {
  const text = `column "${want.from}": ${count === 1 ? '1 value is' : `${count} values are`} no ${typeName(want.type)}, first in row ${String(first)}`;
  if (context.pii?.[want.from] !== undefined) return text;
  const example = await session.one<{ value: string }>(
    `SELECT left(CAST(${id(want.from)} AS VARCHAR), 60) AS value FROM ${from} WHERE ${positionColumn} = $1`,
    [first],
    context,
  );
  const hint =
    want.type.kind === 'int64' && /^-?\d{16,}$/.test(example?.value ?? '')
      ? ", which needs int64({ mode: 'bigint' })"
      : '';
  return `${text} (${example?.value ?? ''}${hint})`;
}

const rowsOf = (count: number): string => (count === 1 ? '1 row' : `${count} rows`);
