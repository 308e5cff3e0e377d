import path from 'node:path';
import { catalog, type LakeCatalog } from './catalog.js';
import type { Session, SessionOptions } from './session.js';
import { lit } from './sql.js';
import { scrubSqlite } from './sqlite-scrub.js';
import { WriterTurn } from './writer-turn.js';

/** A file of this host, in the project's state folder. Writers take turns. */
export class SqliteCatalog implements LakeCatalog {
  readonly extension = 'sqlite_scanner';
  readonly metadataSchema = 'main';
  readonly sessions: SessionOptions;
  readonly shown: string;
  readonly dataDirectory: string;
  readonly sharedDirectory: string;
  readonly #turn: WriterTurn;

  /** @param stateDir has to be there, with its folder `lake/data`. */
  constructor(stateDir: string) {
    const directory = path.join(stateDir, 'lake');
    this.shown = path.join(directory, 'catalog.sqlite');
    this.dataDirectory = path.join(directory, 'data');
    this.sharedDirectory = stateDir;
    this.sessions = { folders: [this.dataDirectory, path.join(stateDir, 'staging')] };
    this.#turn = new WriterTurn(path.join(directory, 'writer'));
  }

  async attach(session: Session): Promise<void> {
    const options = `DATA_PATH ${lit(this.dataDirectory)}, META_JOURNAL_MODE 'WAL', META_BUSY_TIMEOUT 5000`;
    await this.inTurn(() => session.run(`ATTACH ${lit(`ducklake:sqlite:${this.shown}`)} AS ${catalog} (${options})`));
  }

  inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#turn.use(work);
  }

  get files(): readonly string[] {
    return [this.shown, `${this.shown}-wal`];
  }

  scrub(): Promise<void> {
    return this.inTurn(() => scrubSqlite(this.shown));
  }
}
