/** Another process on the same LMDB store: `directory mode count`. Prints a line after each write that was resolved. */
import { entityKey } from '../../src/online-store/entity-key.js';
import { openLmdbOnlineStore } from '../../src/online-store/lmdb-online-store.js';
import { encodeRow } from '../../src/online-store/row-codec.js';
import { storedSchema } from '../../src/online-store/stored-schema.js';
import { int64 } from '../../src/types.js';

const [directory = '', mode = '', count = '0'] = process.argv.slice(2);
const joinKeys = { driver_id: int64() };
const table = { view: 'driver_stats', generation: 1, ttlMs: 0 };
const schema = storedSchema({ trips: int64() });

const entries = (ids: number, event: number) =>
  Array.from({ length: ids }, (_, id) => ({
    key: entityKey(joinKeys, { driver_id: id }),
    row: encodeRow({
      generation: 1,
      committed: 1,
      reflects: 0,
      eventUs: BigInt(event),
      createdUs: null,
      ingestUs: 0n,
      position: 0,
      schema,
      values: [event],
    }),
  }));

const say = (line: string | number) => new Promise((resolve) => process.stdout.write(`${line}\n`, resolve));

const store = openLmdbOnlineStore({ directory, project: 'test' });
if (mode === 'fill') {
  await say(JSON.stringify(await store.replace(table, entries(Number(count), 1), 5)));
  process.stdin.resume();
  await new Promise((resolve) => process.stdin.once('end', resolve));
}
if (mode === 'stream') {
  for (let event = 1; event <= Number(count); event += 2) {
    await store.writeNewer(table, entries(50, event));
    if (event === 1) await say('started');
  }
}
if (mode === 'forever') {
  for (let round = 1; ; round += 1) {
    await store.writeNewer(table, entries(50, round));
    await store.setNote(table.view, 'round', String(round));
    await say(round);
  }
}
await store.close();
