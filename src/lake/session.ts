import type { DuckDBConnection, DuckDBDataChunk, DuckDBValue } from '@duckdb/node-api';
import { limits } from '../config.js';
import { machineError } from './machine-error.js';
import { Semaphore } from './semaphore.js';

/** A row as plain JavaScript: timestamps are Dates, BIGINT is bigint. For small results only; data moves in chunks or in SQL. */
export type SqlRow = Record<string, unknown>;
export type SqlValue = DuckDBValue | Date | undefined;
export interface StatementOptions {
  /** Aborting interrupts the running statement, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

const statements = new Semaphore(limits.duckdbStatementsAtOnce);

/**
 * One DuckDB connection. Statements of one session run one after the other; all sessions of the process share a few slots, so
 * that DuckDB never takes every thread of libuv's pool.
 */
export class Session {
  readonly #connection: DuckDBConnection;

  constructor(connection: DuckDBConnection) {
    this.#connection = connection;
  }

  /** The bare connection, for appenders. */
  get connection(): DuckDBConnection {
    return this.#connection;
  }

  /** Runs a statement for its effect. @returns the number of rows changed. */
  async run(sql: string, values: readonly SqlValue[] = [], options: StatementOptions = {}): Promise<number> {
    return this.#guard(options, async () => (await this.#connection.run(sql, bind(values))).rowsChanged);
  }

  /** All rows of a small result. */
  async all<T = SqlRow>(sql: string, values: readonly SqlValue[] = [], options: StatementOptions = {}): Promise<T[]> {
    return this.#guard(options, async () => {
      const reader = await this.#connection.runAndReadAll(sql, bind(values));
      return reader.getRowObjectsJS() as T[];
    });
  }

  /** The only row of a result; `undefined` when there is none. */
  async one<T = SqlRow>(
    sql: string,
    values: readonly SqlValue[] = [],
    options: StatementOptions = {},
  ): Promise<T | undefined> {
    return (await this.all<T>(sql, values, options))[0];
  }

  /** A result of any size, chunk by chunk (about 2,048 rows each). Nothing else may run on this session meanwhile. */
  async *chunks(
    sql: string,
    values: readonly SqlValue[] = [],
    options: StatementOptions = {},
  ): AsyncGenerator<DuckDBDataChunk> {
    const result = await this.#guard(options, () => this.#connection.stream(sql, bind(values)));
    for (;;) {
      const chunk = await this.#guard(options, () => result.fetchChunk());
      if (chunk === null || chunk.rowCount === 0) return;
      yield chunk;
    }
  }

  close(): void {
    this.#connection.closeSync();
  }

  async #guard<T>({ signal }: StatementOptions, statement: () => Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    return statements.use(async () => {
      signal?.throwIfAborted();
      const interrupt = () => this.#connection.interrupt();
      signal?.addEventListener('abort', interrupt, { once: true });
      try {
        return await statement();
      } catch (error) {
        throw signal?.aborted === true ? signal.reason : machineError(error);
      } finally {
        signal?.removeEventListener('abort', interrupt);
      }
    });
  }
}

/** Dates are bound as ISO strings with their zone; DuckDB casts them where the other side is a timestamp. */
function bind(values: readonly SqlValue[]): DuckDBValue[] {
  return values.map((value) => (value === undefined ? null : value instanceof Date ? value.toISOString() : value));
}
