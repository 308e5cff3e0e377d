/**
 * A process of its own that releases quarantined rows, one after the other, until none is held: `repo` on its command line. Prints
 * `ready` before the first.
 */
import { openFeatureStore } from '../../src/index.js';

const store = await openFeatureStore(process.argv[2] ?? '');
console.log('ready');
for (;;) {
  const [next] = (await store.quarantine.list({ state: 'held', limit: 1 })).rows;
  if (next === undefined) break;
  await store.quarantine.release({ ids: [next.id] });
}
await store.close();
