import path from 'node:path';
import type pg from 'pg';
import { limits } from '../../config.js';
import { catalog, type LakeCatalog } from '../catalog.js';
import type { Session, SessionOptions } from '../session.js';
import { lit } from '../sql.js';
import { CatalogWatch } from './catalog-watch.js';
import { checkDataFolder, type DataFolder, markDataFolder } from './data-folder.js';
import { answersAtAll, connectPostgres } from './postgres-client.js';
import { connectionError, statementError } from './postgres-errors.js';
import { scrubPostgres } from './postgres-scrub.js';
import { type PostgresAddress, parsePostgresUrl } from './postgres-url.js';
import { type ExistingLake, findLake } from './preflight.js';

/** Name of the secret by which DuckDB knows user and password: a connection string would stand in its catalog and its errors. */
const secret = 'asof_catalog';

/** Who makes a lake in an empty database holds this lock of it meanwhile. */
const makingLock = 4_726_182_551;

/**
 * A Postgres database that processes of many hosts share. One lake per database and schema; it holds any number of projects.
 * Postgres lets only those wait who write the same rows, so writers take no turns: DuckLake resolves collisions of snapshot numbers
 * itself, all others are left to the transaction's retry.
 */
export class PostgresCatalog implements LakeCatalog {
  readonly extension = 'postgres_scanner';
  readonly metadataSchema: string;
  readonly shown: string;
  readonly dataDirectory: string;
  readonly sharedDirectory: string;
  readonly sessions: SessionOptions;
  readonly #address: PostgresAddress;
  readonly #folder: DataFolder;

  /** @throws DefinitionError when the URL is none. */
  constructor(options: { url: string; sharedPath?: string | undefined; stateDir: string }) {
    const { url, sharedPath, stateDir } = options;
    const address = parsePostgresUrl(url);
    this.#address = address;
    this.metadataSchema = address.schema;
    this.shown = address.shown;
    this.sharedDirectory = path.resolve(sharedPath ?? stateDir);
    this.dataDirectory =
      sharedPath === undefined ? path.resolve(stateDir, 'lake', 'data') : path.resolve(sharedPath, 'lake');
    this.#folder = { directory: this.dataDirectory, sharedPath };
    this.sessions = {
      folders: [this.dataDirectory, ...[this.sharedDirectory, stateDir].map((root) => path.join(root, 'staging'))],
      watch: new CatalogWatch(`catalog ${address.shown}`, (timeoutMs) => answersAtAll(address, timeoutMs)),
      translate: (error) => statementError(error, address),
    };
  }

  async attach(session: Session): Promise<void> {
    let client: pg.Client | undefined;
    try {
      client = await connectPostgres(this.#address);
      let lake = await findLake(client, this.#address);
      if (lake === undefined) {
        // Processes that open an empty database at once come one after the other; the lock ends with the connection.
        const wait: pg.QueryConfig & { query_timeout: number } = {
          text: 'SELECT pg_advisory_lock($1)',
          values: [makingLock],
          query_timeout: limits.lakeMakingMaxMs,
        };
        await client.query(wait);
        lake = await findLake(client, this.#address);
      }
      checkDataFolder(this.#folder, lake, `catalog ${this.shown}`);
      await this.#attach(session);
      const made = lake ?? ((await findLake(client, this.#address)) as ExistingLake);
      markDataFolder(this.#folder, made.identity, `catalog ${this.shown}`);
    } catch (error) {
      throw connectionError(error, this.#address);
    } finally {
      void client?.end().catch(() => undefined);
    }
  }

  inTurn<T>(work: () => Promise<T>): Promise<T> {
    return work();
  }

  get files(): readonly string[] {
    return [];
  }

  async scrub(): Promise<void> {
    try {
      await scrubPostgres(this.#address);
    } catch (error) {
      throw connectionError(error, this.#address);
    }
  }

  async #attach(session: Session): Promise<void> {
    const { host, port, database, user, password, schema } = this.#address;
    const fields = { HOST: host, PORT: String(port), DATABASE: database, USER: user, PASSWORD: password };
    const given = Object.entries(fields).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name} ${lit(value)}`],
    );
    await session.run(`CREATE TEMPORARY SECRET ${secret} (TYPE postgres, ${given.join(', ')})`);
    // DuckLake sends its commit again when another took the next snapshot's number and changed nothing of ours. That is cheap, but
    // holds a thread while it waits, so it tries briefly; then the whole transaction begins anew.
    await session.run(`SET GLOBAL ducklake_retry_wait_ms = ${limits.snapshotRetryWaitMs}`);
    await session.run(`SET GLOBAL ducklake_max_retry_count = ${limits.snapshotRetriesMax}`);
    const options = [
      `DATA_PATH ${lit(this.dataDirectory)}`,
      `META_SECRET ${lit(secret)}`,
      // Small inserts become files like all others. Kept in the catalog they gain no speed here, and a connection that is lost while
      // DuckLake reads them there is an internal error, after which DuckDB is of no use and ends the process.
      'DATA_INLINING_ROW_LIMIT 0',
      ...(schema === 'public' ? [] : [`METADATA_SCHEMA ${lit(schema)}`]),
    ];
    await session.run(
      `ATTACH ${lit(`ducklake:postgres:${this.#connectionString()}`)} AS ${catalog} (${options.join(', ')})`,
    );
  }

  /** What libpq needs beside the secret. */
  #connectionString(): string {
    const { sslmode, connectTimeoutMs = limits.catalogConnectMaxMs, parameters } = this.#address;
    const settings = {
      application_name: 'asof',
      // A host that is gone without a word is noticed within a minute.
      keepalives_idle: '20',
      keepalives_interval: '10',
      keepalives_count: '3',
      tcp_user_timeout: '60000',
      ...parameters,
      connect_timeout: String(Math.max(2, Math.ceil(connectTimeoutMs / 1_000))),
      sslmode,
    };
    return Object.entries(settings)
      .map(([name, value]) => `${name}='${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`)
      .join(' ');
  }
}
