import { afterAll, describe } from 'vitest';
import { EngineServers } from './engines.js';
import { lacks } from './services.js';
import { embedded, type TestEngines } from './store.js';

/** Runs a suite on the SQLite and on the Postgres catalog. @param suite gets what a project needs: each call a lake of its own. */
export function onBothCatalogs(
  title: string,
  suite: (engines: () => Promise<TestEngines>, catalog: 'SQLite' | 'Postgres') => void,
): void {
  describe(title, () => suite(async () => embedded, 'SQLite'));
  describe.skipIf(lacks('postgres'))(`${title}, on Postgres`, () => {
    const servers = new EngineServers();
    afterAll(() => servers.close());
    suite(() => servers.engines({ online: 'LMDB', stream: 'file', catalog: 'Postgres' }), 'Postgres');
  });
}
