import type { DuckDBConnection, DuckDBDataChunk, DuckDBValue } from '@duckdb/node-api';
import { limits } from '../config.js';
import { StoreUnavailableError } from '../errors.js';
import { machineError } from './machine-error.js';
import { Semaphore } from './semaphore.js';

/** A row as plain JavaScript: timestamps are Dates, BIGINT is bigint. For small results only; data moves in chunks or in SQL. */
export type SqlRow = Record<string, unknown>;
export type SqlValue = DuckDBValue | Date | undefined;
export interface StatementOptions {
  /** Aborting interrupts the running statement, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What watches over the statements of a catalog that is elsewhere. */
export interface StatementWatch {
  /** Rejects when it is no use to begin. */
  before(): Promise<void>;
  /** Rejects when a statement that is running should not be waited for any longer. @param isOver resolves with its end. */
  during(isOver: Promise<void>): Promise<never>;
}

/** How a lake's catalog takes part in the statements of its sessions. */
export interface SessionOptions {
  readonly watch?: StatementWatch | undefined;
  /** Puts errors of the catalog into our words. */
  readonly translate?: ((error: unknown) => unknown) | undefined;
  /** Folders of the lake's files and of staged ones: one that is not there was let go while it was read. */
  readonly folders?: readonly string[] | undefined;
}

const statements = new Semaphore(limits.duckdbStatementsAtOnce);

/**
 * One DuckDB connection. Statements of one session run one after the other; all sessions of the process share a few slots, so
 * that DuckDB never takes every thread of libuv's pool.
 */
export class Session {
  readonly #connection: DuckDBConnection;
  readonly #options: SessionOptions;
  /** A statement that was given up but still holds the connection. */
  #stuck: Promise<void> | undefined;
  /** Why no further statement may run. */
  #ended: Error | undefined;

  constructor(connection: DuckDBConnection, options: SessionOptions = {}) {
    this.#connection = connection;
    this.#options = options;
  }

  /** Whether a statement was given up that has not ended yet: this session is of no use then, another may be. */
  get isStuck(): boolean {
    return this.#stuck !== undefined;
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

  /** Interrupts what runs and refuses what would follow, for good: its transaction is over, whoever still works in it. */
  end(reason: Error): void {
    this.#ended = reason;
    this.#connection.interrupt();
  }

  /** Also of a session that was ended. */
  async rollback(): Promise<void> {
    await this.#guard({}, () => this.#connection.run('ROLLBACK'), true);
  }

  close(): void {
    // Closing waits for a running statement, and would hold up everything.
    if (this.#stuck === undefined) this.#connection.closeSync();
    else void this.#stuck.then(() => this.#connection.closeSync());
  }

  async #guard<T>({ signal }: StatementOptions, statement: () => Promise<T>, evenEnded = false): Promise<T> {
    signal?.throwIfAborted();
    return statements.use(async () => {
      signal?.throwIfAborted();
      if (this.#ended !== undefined && !evenEnded) throw this.#ended;
      if (this.isStuck) throw new StoreUnavailableError('an earlier statement of this session has not ended');
      const { watch, translate, folders } = this.#options;
      await watch?.before();
      const interrupt = () => this.#connection.interrupt();
      signal?.addEventListener('abort', interrupt, { once: true });
      try {
        return await (watch === undefined ? statement() : this.#watched(watch, statement()));
      } catch (error) {
        if (this.#ended !== undefined) throw this.#ended;
        throw signal?.aborted === true
          ? signal.reason
          : machineError(translate === undefined ? error : translate(error), folders);
      } finally {
        signal?.removeEventListener('abort', interrupt);
      }
    });
  }

  async #watched<T>(watch: StatementWatch, running: Promise<T>): Promise<T> {
    let isOver = false;
    const over = running
      .then(
        () => undefined,
        () => undefined,
      )
      .then(() => {
        isOver = true;
        this.#stuck = undefined;
      });
    try {
      return await Promise.race([running, watch.during(over)]);
    } catch (error) {
      if (isOver) throw error;
      // A statement that computes can be interrupted and ends soon; one that waits for the catalog can't.
      this.#connection.interrupt();
      await Promise.race([over, new Promise((resolve) => setTimeout(resolve, limits.interruptMaxMs).unref())]);
      if (!isOver) this.#stuck = over;
      throw error;
    }
  }
}

/** Dates are bound as ISO strings with their zone; DuckDB casts them where the other side is a timestamp. */
function bind(values: readonly SqlValue[]): DuckDBValue[] {
  return values.map((value) => (value === undefined ? null : value instanceof Date ? value.toISOString() : value));
}
