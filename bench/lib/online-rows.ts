import type { FeatureTable } from '../../src/definitions/feature-table.js';
import { entityKeys } from '../../src/online-store/entity-key.js';
import { ensureSchema } from '../../src/online-store/feature-schemas.js';
import type { OnlineStore } from '../../src/online-store/online-store.js';
import type { OnlineSelection } from '../../src/online-store/read-features.js';
import { encodeRow } from '../../src/online-store/row-codec.js';
import { float32, int64 } from '../../src/types.js';

/** Views of eight features, with the keys 0, 1, 2 … */
export const featureCount = 8;
export const benchTable = (view: string): FeatureTable => ({
  view,
  generation: 1,
  joinKeys: { driver_id: int64() },
  features: Object.fromEntries(Array.from({ length: featureCount }, (_, index) => [`f${index}`, float32()])),
  ttlMs: 36_500 * 86_400_000,
});

/** All features of a view, named as in a request over several views. */
export const allFeatures = (table: FeatureTable, prefix = ''): OnlineSelection => ({
  table,
  columns: Object.fromEntries(Object.keys(table.features).map((name) => [`${prefix}${name}`, name])),
});

const batchRows = 20_000;

/**
 * Columns of a batch as materialize reads them from the lake, in key order; then packing and replacing, which alone is timed.
 * @returns rows per second.
 */
export async function replaceAll(
  store: OnlineStore,
  table: FeatureTable,
  entities: number,
  snapshot: number,
): Promise<number> {
  const schema = await ensureSchema(store, table);
  const event = BigInt(Date.now()) * 1000n;
  let milliseconds = 0;
  for (let from = 0; from < entities; from += batchRows) {
    const ids = Array.from({ length: Math.min(batchRows, entities - from) }, (_, index) => from + index);
    const values = Array.from({ length: featureCount }, (_, feature) =>
      ids.map((id) => Math.fround(Math.sin(id * featureCount + feature))),
    );
    const started = performance.now();
    const keys = entityKeys(table.joinKeys, [ids]);
    const entries = ids.map((id, index) => ({
      key: keys[index] as Uint8Array,
      row: encodeRow({
        generation: table.generation,
        committed: snapshot,
        reflects: snapshot,
        eventUs: event,
        createdUs: event,
        ingestUs: event,
        position: id,
        schema,
        values: values.map((column) => column[index]),
      }),
    }));
    await store.replace(table, entries, snapshot);
    milliseconds += performance.now() - started;
  }
  return entities / (milliseconds / 1000);
}
