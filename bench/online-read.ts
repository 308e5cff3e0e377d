import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openLmdbOnlineStore } from '../src/online-store/lmdb-online-store.js';
import type { OnlineStore } from '../src/online-store/online-store.js';
import { readOnlineFeatures } from '../src/online-store/read-features.js';
import { quantile } from './lib/measure.js';
import { allFeatures, benchTable, featureCount, replaceAll } from './lib/online-rows.js';
import { compareReads } from './lib/redis-read.js';

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

const table = benchTable('bench');

async function timeReads(store: OnlineStore, entities: number, keys: number, rounds: number): Promise<number[]> {
  const times: number[] = [];
  const selection = [allFeatures(table)];
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
    const writtenPerSecond = Math.round(await replaceAll(store, table, entities, 1));
    const rewrittenPerSecond = Math.round(await replaceAll(store, table, entities, 2));
    await timeReads(store, entities, 1, 5_000);
    const single = await timeReads(store, entities, 1, 50_000);
    const hundred = await timeReads(store, entities, 100, 1_000);
    return {
      entities,
      features: featureCount,
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

/**
 * Embedded, one-key reads have to stay below 50 µs at the median; from Redis, reads within 1.5 times a bare pipelined read of the
 * same rows (design §7).
 */
export async function run({ quick }: { readonly quick: boolean }): Promise<void> {
  const figures = await onlineReadBench(quick ? 10_000 : 100_000);
  console.table(figures);
  if (figures.readP50Us >= 50) throw new Error(`a one-key read takes ${figures.readP50Us} µs, wanted below 50`);
  await compareReads({ quick, wanted: 1.5 });
}
