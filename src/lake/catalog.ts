import type { Session, SessionOptions } from './session.js';

/** Which catalog a lake has: the database in which DuckLake keeps what tables, files and snapshots there are. */
export type CatalogOptions =
  | { readonly type: 'sqlite' }
  | {
      readonly type: 'postgres';
      /** `postgres://user:password@host:5432/database`; see parsePostgresUrl. */
      readonly url: string;
      /** A folder that every host sees under this path, for the lake's files and those that steps hand each other. */
      readonly sharedPath?: string | undefined;
    };

/** The name under which the DuckLake is attached in every session. */
export const catalog = 'lake';

/** What differs between the catalogs of a lake. */
export interface LakeCatalog {
  /** DuckDB's extension for it. */
  readonly extension: string;
  /** For people: a file, or `host:port/database`. */
  readonly shown: string;
  /** The folder that holds the lake's files. */
  readonly dataDirectory: string;
  /** The folder in which steps of one run hand each other files: of this host, or of all. */
  readonly sharedDirectory: string;
  /** The schema of the catalog's own tables. */
  readonly metadataSchema: string;
  /** How it takes part in the statements of the lake's sessions. */
  readonly sessions: SessionOptions;
  /**
   * Attaches the lake to a session's DuckDB and creates what is not there.
   * @throws StoreUnavailableError, DefinitionError or DataError with the mend.
   */
  attach(session: Session): Promise<void>;
  /** Runs a transaction when it is this writer's turn, where writers have to take turns. */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
  /** The catalog's own files on this host, where it has any. */
  readonly files: readonly string[];
  /**
   * Overwrites what deleted rows left in the catalog's files: databases only mark their place as free. Others may work meanwhile.
   * @throws StoreUnavailableError when others leave no moment for it.
   */
  scrub(): Promise<void>;
}
