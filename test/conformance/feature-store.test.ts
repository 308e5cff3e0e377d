import { afterAll, describe } from 'vitest';
import { EngineServers, everyCombination, nameOf, needs, pairwise } from '../support/engines.js';
import { lacks } from '../support/services.js';
import { featureStoreConformance } from './feature-store.js';

/** Every pair of engines meets; with ASOF_TEST_LONG all of them do, and more sequences are tried. */
const isLong = process.env['ASOF_TEST_LONG'] === '1';
const servers = new EngineServers();
afterAll(() => servers.close());

for (const combination of isLong ? everyCombination : pairwise) {
  const isEmbedded = needs(combination).length === 0;
  describe.skipIf(lacks(...needs(combination)))(nameOf(combination), () => {
    featureStoreConformance({
      name: nameOf(combination),
      open: () => servers.engines(combination),
      sequences: isEmbedded ? 20 : isLong ? 10 : 3,
    });
  });
}
