import type { Schema } from '../types.js';

/** The entity rows of a request: what to look up, and as of when. */
export type EntityInput =
  /** Times are Dates or ISO strings; a column missing from a row (not: null) is an error if it is a join key or the time. */
  | { readonly type: 'rows'; readonly rows: readonly Readonly<Record<string, unknown>>[] }
  /** CSV (with a header, any delimiter), Parquet or NDJSON, told by the ending. */
  | { readonly type: 'file'; readonly path: string }
  /** One SELECT; tables of the project are visible by their names. Its order is the order of the result. */
  | { readonly type: 'sql'; readonly sql: string };

export interface EntityRequest {
  /** Columns to join by, with the types they have in the views. */
  readonly keys: Schema;
  /** Names under which features will stand beside the entity columns. */
  readonly outputs: readonly string[];
  /** The column that holds the time of each row, if it is not `event_timestamp` or the only timestamp. */
  readonly entityTimestamp?: string | undefined;
  /** Whether columns that are neither key nor time are loaded; the position leads back to rows given as objects. */
  readonly ownColumns: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Entity rows before they are loaded. */
export interface EntitySource {
  /** How errors call it. */
  readonly name: string;
  /** Column → SQL type as found. */
  readonly columns: Readonly<Record<string, string>>;
  /**
   * Creates the temporary table with a position column (1, 2, … in the order of the source) and the wanted columns. `strict` ones
   * come as text where the format itself has no types, because guessing would drop leading zeros and read 01/02 as some day.
   */
  load(table: string, position: string, wanted: readonly string[], strict: readonly string[]): Promise<void>;
}
