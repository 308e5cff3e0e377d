import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { DuckDBInstance } from '@duckdb/node-api';
import { duckdbMemoryLimit, duckdbThreads } from '../config.js';
import { AsofError, StoreUnavailableError } from '../errors.js';
import { type CatalogOptions, catalog, type LakeCatalog } from './catalog.js';
import { openDuckDB } from './extensions.js';
import { firstLine } from './first-line.js';
import { PostgresCatalog } from './postgres/postgres-catalog.js';
import { Session, type SqlRow, type SqlValue, type StatementOptions } from './session.js';
import { id, lit } from './sql.js';
import { SqliteCatalog } from './sqlite-catalog.js';
import { createSystemTables, type SystemTable, systemColumns, systemSchema, systemTables } from './system-tables.js';
import { runTransaction, type TransactionOptions } from './transaction.js';

export interface LakeOptions {
  /** The project's state folder, e.g. `.asof`. */
  readonly stateDir: string;
  readonly project: string;
  /** Default: a SQLite file in the state folder. */
  readonly catalog?: CatalogOptions | undefined;
}

/**
 * An open DuckLake: DuckDB in this process, a catalog in SQLite or Postgres, and Parquet files. Several processes may have one lake
 * open at once, on Postgres also of several hosts.
 */
export class Lake {
  readonly project: string;
  readonly stateDir: string;
  readonly #instance: DuckDBInstance;
  readonly #catalog: LakeCatalog;
  #reader: Session;

  private constructor(options: LakeOptions, instance: DuckDBInstance, catalog: LakeCatalog, reader: Session) {
    this.project = options.project;
    this.stateDir = options.stateDir;
    this.#instance = instance;
    this.#catalog = catalog;
    this.#reader = reader;
  }

  /**
   * Opens the lake and creates it when it is not there.
   * @throws StoreUnavailableError when the folder is not writable, an extension is missing or the catalog can't be read.
   */
  static async open(options: LakeOptions): Promise<Lake> {
    let lake: Lake | undefined;
    try {
      mkdirSync(path.join(options.stateDir, 'tmp'), { recursive: true });
      const its = openCatalog(options);
      const settings = {
        memory_limit: duckdbMemoryLimit(),
        threads: String(duckdbThreads()),
        temp_directory: path.join(options.stateDir, 'tmp'),
      };
      const { instance, connection } = await openDuckDB(settings, ['ducklake', its.extension]);
      lake = new Lake(options, instance, its, new Session(connection, its.sessions));
      await its.attach(lake.#reader);
      await lake.#createTables();
      return lake;
    } catch (error) {
      lake?.close();
      if (error instanceof AsofError) throw error;
      throw new StoreUnavailableError(`the lake can't be opened: ${firstLine(error)}`, {
        where: path.join(options.stateDir, 'lake'),
        mend: 'check that the folder is writable and its disk has space; `asof doctor` tells more',
        cause: error,
      });
    }
  }

  /** `lake."project"."table"`: a feature table or training set. */
  table(name: string): string {
    return `${catalog}.${id(this.project)}.${id(name)}`;
  }

  /** One of asof's own tables. */
  system(name: SystemTable | (string & {})): string {
    return `${catalog}.${id(systemSchema(this.project))}.${id(name)}`;
  }

  /** Where DuckLake keeps a table's files; files written here before they are registered count as the table's own. */
  dataDirectory(name: string): string {
    return path.join(this.#catalog.dataDirectory, this.project, name);
  }

  /** One of the catalog's own tables, e.g. `ducklake_snapshot`. */
  metadata(table: string): string {
    return `__ducklake_metadata_${catalog}.${id(this.#catalog.metadataSchema)}.${id(table)}`;
  }

  /** The folder for files that steps of one run hand each other, on whichever hosts they run. */
  get sharedDirectory(): string {
    return this.#catalog.sharedDirectory;
  }

  /** A session of its own, to be closed by the caller: for streams, temporary tables and whatever else holds state. */
  async session(): Promise<Session> {
    return new Session(await this.#instance.connect(), this.#catalog.sessions);
  }

  /** Runs `work` with a session that is closed afterwards. */
  async withSession<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const session = await this.session();
    try {
      return await work(session);
    } finally {
      session.close();
    }
  }

  /** A small read. */
  async all<T = SqlRow>(sql: string, values: readonly SqlValue[] = [], options: StatementOptions = {}): Promise<T[]> {
    if (this.#reader.isStuck) {
      this.#reader.close();
      this.#reader = await this.session();
    }
    return this.#reader.all<T>(sql, values, options);
  }

  async one<T = SqlRow>(
    sql: string,
    values: readonly SqlValue[] = [],
    options: StatementOptions = {},
  ): Promise<T | undefined> {
    return (await this.all<T>(sql, values, options))[0];
  }

  /** See {@link runTransaction}; on a SQLite catalog writers also take turns. */
  async transaction<T>(
    options: TransactionOptions,
    work: (session: Session) => Promise<T>,
  ): Promise<{ result: T; snapshot: number }> {
    return this.withSession((session) => this.transactionOn(session, options, work));
  }

  /** The same on a session of the caller's, which may hold temporary tables prepared for it. */
  async transactionOn<T>(
    session: Session,
    options: TransactionOptions,
    work: (session: Session) => Promise<T>,
  ): Promise<{ result: T; snapshot: number }> {
    return this.#catalog.inTurn(() => runTransaction(session, catalog, options, work));
  }

  /** The newest snapshot. */
  async currentSnapshot(): Promise<number> {
    return Number((await this.one<{ id: bigint }>(`FROM ${catalog}.current_snapshot()`))?.id ?? 0);
  }

  /** The identity given to this lake when it was created. */
  async lakeId(): Promise<string> {
    return (await this.one<{ lake_id: string }>(`SELECT lake_id FROM ${this.system('lake')}`))?.lake_id ?? '';
  }

  close(): void {
    this.#reader.close();
    this.#instance.closeSync();
  }

  /** The catalog's own files on this host; none where it is elsewhere. */
  get catalogFiles(): readonly string[] {
    return this.#catalog.files;
  }

  /** Overwrites what deleted rows left in the catalog (see LakeCatalog). */
  scrubCatalog(): Promise<void> {
    return this.#catalog.scrub();
  }

  /** The full names of one system table in all projects of this lake that have it: snapshots belong to all of them. */
  async everywhere(table: SystemTable): Promise<string[]> {
    const rows = await this.all<{ schema: string }>(
      `SELECT DISTINCT schema_name AS schema FROM duckdb_columns()
       WHERE database_name = $1 AND table_name = $2 AND ends_with(schema_name, $3) ORDER BY schema_name`,
      [catalog, table, systemSchema('')],
    );
    return rows.map(({ schema }) => `${catalog}.${id(schema)}.${id(table)}`);
  }

  /** Also tables and columns that a newer version added to a lake that is there. */
  async #createTables(): Promise<void> {
    const known = await this.all<{ name: string; columns: bigint }>(
      `SELECT table_name AS name, count(*) AS columns FROM duckdb_columns()
       WHERE database_name = $1 AND schema_name = $2 GROUP BY table_name`,
      [catalog, systemSchema(this.project)],
    );
    const widths = new Map(known.map(({ name, columns }) => [name, Number(columns)]));
    const isThere = (table: SystemTable): boolean => (widths.get(table) ?? 0) >= systemColumns(table).length;
    if ((Object.keys(systemTables) as SystemTable[]).every(isThere)) return;
    await this.transaction({ message: `create the tables of project ${this.project}` }, async (session) => {
      for (const statement of createSystemTables(catalog, this.project)) await session.run(statement);
      const heads: Partial<Record<SystemTable, string>> = {
        lake: `${lit(randomUUID())}, now()`,
        registry_head: '0, now()',
        pins: "'', NULL, NULL, NULL, NULL",
      };
      for (const [table, values] of Object.entries(heads)) {
        const name = this.system(table);
        if ((await session.one(`SELECT 1 FROM ${name} LIMIT 1`)) === undefined)
          await session.run(`INSERT INTO ${name} VALUES (${values})`);
      }
    });
  }
}

function openCatalog({ stateDir, catalog: options = { type: 'sqlite' } }: LakeOptions): LakeCatalog {
  if (options.type === 'postgres') return new PostgresCatalog({ ...options, stateDir });
  mkdirSync(path.join(stateDir, 'lake', 'data'), { recursive: true });
  return new SqliteCatalog(stateDir);
}
