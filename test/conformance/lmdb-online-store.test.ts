import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openLmdbOnlineStore } from '../../src/online-store/lmdb-online-store.js';
import { onlineStoreConformance } from './online-store.js';

onlineStoreConformance('LMDB', async () => {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'asof-online-'));
  return {
    store: async (project = 'test') => openLmdbOnlineStore({ directory, project }),
    close: async () => rmSync(directory, { recursive: true, force: true }),
  };
});
