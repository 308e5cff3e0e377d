import path from 'node:path';
import { catalog, type LakeCatalog } from './catalog.js';
import type { Session } from './session.js';
import { lit } from './sql.js';

/**
 * A Postgres database that processes of many hosts share. Postgres lets only those wait who write the same rows, so writers take no
 * turns; DuckLake resolves collisions of snapshot numbers itself, and the transaction's retry all others.
 */
export class PostgresCatalog implements LakeCatalog {
  readonly extension = 'postgres_scanner';
  readonly metadataSchema = 'public';
  readonly shown: string;
  readonly dataDirectory: string;
  readonly sharedDirectory: string;
  readonly #url: URL;

  constructor(options: { url: string; sharedPath?: string | undefined; stateDir: string }) {
    const { url, sharedPath, stateDir } = options;
    this.#url = new URL(url);
    this.shown = `${this.#url.host}${this.#url.pathname}`;
    this.sharedDirectory = sharedPath === undefined ? stateDir : path.resolve(sharedPath);
    this.dataDirectory = sharedPath === undefined ? path.join(stateDir, 'lake', 'data') : path.join(sharedPath, 'lake');
  }

  async attach(session: Session): Promise<void> {
    const { hostname, port, pathname, username, password } = this.#url;
    const fields = {
      HOST: hostname,
      PORT: port || '5432',
      DATABASE: pathname.slice(1),
      USER: username,
      PASSWORD: password,
    };
    const secret = Object.entries(fields).map(([name, value]) => `${name} ${lit(decodeURIComponent(value))}`);
    await session.run(`CREATE TEMPORARY SECRET asof_catalog (TYPE postgres, ${secret.join(', ')})`);
    await session.run('SET GLOBAL ducklake_retry_wait_ms = 10');
    await session.run(
      `ATTACH 'ducklake:postgres:' AS ${catalog} (DATA_PATH ${lit(this.dataDirectory)}, META_SECRET 'asof_catalog')`,
    );
  }

  inTurn<T>(work: () => Promise<T>): Promise<T> {
    return work();
  }
}
