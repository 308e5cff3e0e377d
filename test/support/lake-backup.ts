import { cpSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import type { TestStore } from './store.js';

/**
 * The lake of a test's project as an administrator handles it: catalog and files, saved and brought back together. The project has
 * to be closed meanwhile.
 */
export class LakeBackup {
  readonly #t: TestStore;
  readonly #copy: string;
  readonly #folder: string;
  readonly #url: string | undefined;

  constructor(t: TestStore) {
    this.#t = t;
    this.#copy = t.file('lake-copy');
    const of = (prefix: string): string | undefined =>
      Object.entries(t.engines.environment).find(([name]) => name.startsWith(prefix))?.[1];
    this.#url = of('ASOF_TEST_CATALOG_');
    this.#folder = of('ASOF_TEST_SHARED_') ?? path.join(t.stateDir, 'lake');
  }

  async save(): Promise<void> {
    await this.#closed(async () => {
      cpSync(this.#folder, this.#copy, { recursive: true });
      await this.#administer((name) => [`CREATE DATABASE "${name}_copy" TEMPLATE "${name}"`]);
    });
  }

  /** @param also whatever has to go with it. */
  async restore(also: () => void = () => undefined): Promise<void> {
    await this.#closed(async () => {
      rmSync(this.#folder, { recursive: true });
      cpSync(this.#copy, this.#folder, { recursive: true });
      await this.#administer((name) => [
        `DROP DATABASE "${name}"`,
        `CREATE DATABASE "${name}" TEMPLATE "${name}_copy"`,
      ]);
      also();
    });
  }

  /** As if there had never been one. */
  async drop(): Promise<void> {
    await this.#closed(async () => {
      rmSync(this.#folder, { recursive: true });
      if (this.#url !== undefined) mkdirSync(this.#folder);
      await this.#administer((name) => [`DROP DATABASE "${name}"`, `CREATE DATABASE "${name}"`]);
    });
  }

  async #closed(work: () => Promise<void>): Promise<void> {
    await this.#t.store.close();
    await work();
    await this.#t.reopen();
  }

  async #administer(statements: (database: string) => string[]): Promise<void> {
    if (this.#url === undefined) return;
    const database = new URL(this.#url).pathname.slice(1);
    const client = new pg.Client({ connectionString: this.#url.replace(/\/[^/]+$/, '/postgres') });
    await client.connect();
    try {
      await client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [database]);
      for (const statement of statements(database)) await client.query(statement);
    } finally {
      await client.end();
    }
  }
}
