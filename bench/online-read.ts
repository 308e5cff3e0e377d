import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { FeatureTable } from '../src/definitions/feature-table.js';
import { entityKeys } from '../src/online-store/entity-key.js';
import { ensureSchema } from '../src/online-store/feature-schemas.js';
import { openLmdbOnlineStore } from '../src/online-store/lmdb-online-store.js';
import type { OnlineStore } from '../src/online-store/online-store.js';
import { readOnlineFeatures } from '../src/online-store/read-features.js';
import { encodeRow } from '../src/online-store/row-codec.js';
import { float32, int64 } from '../src/types.js';
import { quantile } from './lib/measure.js';

export interface OnlineReadFigures {
  readonly entities: number;
  readonly features: number;
  /** `replace` of all entities, packing of keys and rows included: into an empty store, and again over what is there. */
  readonly writtenPerSecond: number;
  readonly rewrittenPerSecond: number;
  /** `readOnlineFeatures` of one key, all features, in this process. */
  readonly readP50Us: number;
  readonly readP99Us: number;
  /** One request for 100 keys. */
  readonly read100P50Us: number;
}

const features = 8;
const table: FeatureTable = {
  view: 'bench',
  generation: 1,
  joinKeys: { driver_id: int64() },
  features: Object.fromEntries(Array.from({ length: features }, (_, index) => [`f${index}`, float32()])),
  ttlMs: 36_500 * 86_400_000,
};
const columns = Object.fromEntries(Object.keys(table.features).map((name) => [name, name]));
const batchRows = 20_000;

/** Columns of a batch as materialize reads them from the lake, in key order; then packing and replacing, which alone is timed. */
async function replaceAll(store: OnlineStore, entities: number, snapshot: number): Promise<number> {
  const schema = await ensureSchema(store, table);
  const event = BigInt(Date.now()) * 1000n;
  let milliseconds = 0;
  for (let from = 0; from < entities; from += batchRows) {
    const ids = Array.from({ length: Math.min(batchRows, entities - from) }, (_, index) => from + index);
    const values = Array.from({ length: features }, (_, feature) =>
      ids.map((id) => Math.fround(Math.sin(id * features + feature))),
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

async function timeReads(store: OnlineStore, entities: number, keys: number, rounds: number): Promise<number[]> {
  const times: number[] = [];
  const selection = [{ table, columns }];
  for (let round = 0; round < rounds; round += 1) {
    const request = Array.from({ length: keys }, (_, index) => ({
      driver_id: (round * 7_919 + index * 104_729) % entities,
    }));
    const started = process.hrtime.bigint();
    const { statuses } = await readOnlineFeatures(store, selection, request, new Date());
    times.push(Number(process.hrtime.bigint() - started) / 1000);
    if (statuses[keys - 1]?.['f7'] !== 'PRESENT') throw new Error(`round ${round} read nothing`);
  }
  return times.sort((a, b) => a - b);
}

/** Measures the embedded online store in a temporary folder. */
async function onlineReadBench(entities = 100_000): Promise<OnlineReadFigures> {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'asof-bench-online-'));
  const store = openLmdbOnlineStore({ directory, project: 'bench' });
  try {
    const writtenPerSecond = Math.round(await replaceAll(store, entities, 1));
    const rewrittenPerSecond = Math.round(await replaceAll(store, entities, 2));
    await timeReads(store, entities, 1, 5_000);
    const single = await timeReads(store, entities, 1, 50_000);
    const hundred = await timeReads(store, entities, 100, 1_000);
    return {
      entities,
      features,
      writtenPerSecond,
      rewrittenPerSecond,
      readP50Us: quantile(single, 0.5),
      readP99Us: quantile(single, 0.99),
      read100P50Us: quantile(hundred, 0.5),
    };
  } finally {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** One-key reads have to stay below 50 µs at the median (design §7). */
export async function run({ quick }: { readonly quick: boolean }): Promise<void> {
  const figures = await onlineReadBench(quick ? 10_000 : 100_000);
  console.table(figures);
  if (figures.readP50Us >= 50) throw new Error(`a one-key read takes ${figures.readP50Us} µs, wanted below 50`);
}
