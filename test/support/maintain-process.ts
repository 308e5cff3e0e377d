/** A process of its own that does upkeep of the project in a folder, over and over, until it is killed. */
import { openFeatureStore } from '../../src/index.js';

const store = await openFeatureStore(process.argv[2]);
console.log('ready');
for (;;) await store.upkeep.maintain();
