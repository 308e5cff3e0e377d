import { DefinitionError } from '../errors.js';

/** A quoted SQL identifier. Identifiers can't be bound, so each is checked here as well as where it was defined. */
export function id(name: string): string {
  if (name === '' || name.length > 255 || name.includes('\0')) {
    throw new DefinitionError(`${JSON.stringify(name)} can't be an SQL identifier`, { mend: 'rename the column' });
  }
  return `"${name.replaceAll('"', '""')}"`;
}

/** A comma-separated list of quoted identifiers, each with an optional table alias before it. */
export const ids = (names: readonly string[], alias?: string): string =>
  names.map((name) => (alias === undefined ? id(name) : `${alias}.${id(name)}`)).join(', ');

/** SQL that is true for rows of two relations that have the same values in these columns; nulls are the same. */
export const sameIn = (names: readonly string[], one: string, other: string): string =>
  names.map((name) => `${one}.${id(name)} IS NOT DISTINCT FROM ${other}.${id(name)}`).join(' AND ');

/** A quoted SQL string, for the places where a value can't be bound (ATTACH, COPY options, table functions of DuckLake). */
export const lit = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** A temporary table's full name: an unqualified one would be looked for in the lake as well. */
export const tempTable = (name: string): string => `temp.main.${id(name)}`;
