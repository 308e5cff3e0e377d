import path from 'node:path';
import type { FeatureTable } from '../src/definitions/feature-table.js';
import { DuckLakeOfflineStore } from '../src/offline-store/ducklake-offline-store.js';
import { openLmdbOnlineStore } from '../src/online-store/lmdb-online-store.js';
import { type MaterializeResult, materializeView } from '../src/sync/materialize.js';
import { type BenchLake, createBenchView, openBenchLake } from './lib/bench-lake.js';
import { compareWithFeast } from './lib/feast-materialize.js';
import { alternate, type Measured, median, printRatio, printTimes } from './lib/measure.js';
import { bareNewest, insertRows, newestTable } from './lib/newest-data.js';
import { assertSameRows, writeOnlineAnswer } from './lib/online-answer.js';
import { onEachRedis } from './lib/redis-read.js';

/** Wanted of one process, embedded, and to Redis. */
const entitiesPerSecondMin = 100_000;
const redisEntitiesPerSecondMin = 50_000;

/** A full materialize of eight features into an empty LMDB store, against the bare SQL that finds the same rows, and Feast. */
export async function run({ quick }: { readonly quick: boolean }): Promise<void> {
  const bench = await openBenchLake();
  try {
    const scale = quick ? 20 : 1;
    const rate = await againstOthers(bench, { keys: 100_000 / scale, rowsPerKey: 4 }, quick ? 1 : 5);
    const slopes = [
      await growth(
        bench,
        'rows',
        [1, 4, 16].map((rowsPerKey) => ({ keys: 100_000 / scale, rowsPerKey })),
        quick ? 1 : 3,
      ),
      await growth(
        bench,
        'keys',
        [1, 4, 16].map((times) => ({ keys: (25_000 / scale) * times, rowsPerKey: 1 })),
        quick ? 1 : 3,
      ),
    ];
    console.log(
      `fastest round: ${Math.round(rate).toLocaleString('en')} entities/s, wanted >= ${entitiesPerSecondMin.toLocaleString('en')}`,
    );
    const redisRates = await toRedis(bench, { keys: 100_000 / scale, rowsPerKey: 4 }, quick ? 1 : 3);
    if (quick) return;
    for (const [name, redisRate] of redisRates) {
      if (redisRate < redisEntitiesPerSecondMin)
        throw new Error(`${name}: ${Math.round(redisRate)} entities/s, wanted ${redisEntitiesPerSecondMin}`);
    }
    if (rate < entitiesPerSecondMin) throw new Error(`${Math.round(rate)} entities/s, wanted ${entitiesPerSecondMin}`);
    if (slopes.some((slope) => slope > 1)) throw new Error('time grows faster than the data');
  } finally {
    bench.close();
  }
}

interface Size {
  readonly keys: number;
  readonly rowsPerKey: number;
}

let stores = 0;

/** A full run. @param directory of the online store; a new one each time when left out. */
async function materialize(
  { lake, folder }: BenchLake,
  table: FeatureTable,
  directory = path.join(folder, `online-${stores++}`),
): Promise<{ directory: string; result: MaterializeResult }> {
  const online = openLmdbOnlineStore({ directory, project: 'bench' });
  try {
    const result = await materializeView(
      { lake, offline: new DuckLakeOfflineStore(lake), online },
      { table, mode: { type: 'full' }, file: path.join(folder, 'newest.parquet') },
    );
    return { directory, result };
  } finally {
    await online.close();
  }
}

async function prepare(bench: BenchLake, view: string, size: Size): Promise<FeatureTable> {
  const table = newestTable(view);
  await createBenchView(bench.lake, table);
  await insertRows(bench.lake, table, size);
  return table;
}

/** @returns entities per second into an empty store in the fastest round: what else the machine does only takes time away. */
async function againstOthers(bench: BenchLake, size: Size, rounds: number): Promise<number> {
  const { lake, folder } = bench;
  const { keys } = size;
  const table = await prepare(bench, 'driver_stats', size);
  const file = (name: string) => path.join(folder, `${name}.parquet`);

  const { directory } = await materialize(bench, table);
  const online = openLmdbOnlineStore({ directory, project: 'bench' });
  const answer = file('online');
  await writeOnlineAnswer(lake, online, table, keys, answer).finally(() => online.close());

  const contestants: Record<string, () => Promise<unknown>> = {
    asof: () => materialize(bench, table),
    'asof, over what is there': () => materialize(bench, table, directory),
  };
  for (const [name, sql] of Object.entries(bareNewest(lake, table))) {
    const copy = () => lake.all(`COPY (${sql}) TO '${file(name)}' (FORMAT parquet, COMPRESSION zstd)`);
    await copy();
    const compared = await assertSameRows(lake, answer, file(name));
    if (compared !== keys) throw new Error(`${compared} keys were compared, not ${keys}`);
    contestants[`bare SQL, ${name}, to Parquet`] = copy;
    contestants[`bare SQL, ${name}, fetched`] = () => fetchAll(bench, sql);
  }
  const times = await alternate(contestants, rounds);
  const title = `${keys.toLocaleString('en')} keys, ${(keys * size.rowsPerKey).toLocaleString('en')} rows (answers equal)`;
  printTimes(title, times, { rows: keys, name: 'entities' });
  const { asof, ...others } = times as Record<string, Measured> & { asof: Measured };
  for (const [name, other] of Object.entries(others)) printRatio(`to ${name}`, asof, other);
  await compareWithFeast(bench, table, answer, asof);
  return keys / Math.min(...asof.wall);
}

/** @returns entities per second in the fastest round, by the kind of Redis. */
async function toRedis(bench: BenchLake, size: Size, rounds: number): Promise<Map<string, number>> {
  const { lake, folder } = bench;
  const table = await prepare(bench, 'driver_stats_redis', size);
  const rates = new Map<string, number>();
  await onEachRedis(async ({ name, store }) => {
    const stores = { lake, offline: new DuckLakeOfflineStore(lake), online: store };
    const run = () =>
      materializeView(stores, { table, mode: { type: 'full' }, file: path.join(folder, 'newest.parquet') });
    await run();
    const answer = path.join(folder, 'redis.parquet');
    await writeOnlineAnswer(lake, store, table, size.keys, answer);
    const sql = path.join(folder, 'redis-sql.parquet');
    await lake.all(`COPY (${bareNewest(lake, table).window}) TO '${sql}' (FORMAT parquet)`);
    const compared = await assertSameRows(lake, answer, sql);
    if (compared !== size.keys) throw new Error(`${compared} keys were compared, not ${size.keys}`);
    const { into, over } = await alternate({ empty: () => store.dropView(table.view), into: run, over: run }, rounds);
    printTimes(
      `${name}: ${size.keys.toLocaleString('en')} keys (answers equal)`,
      { 'into an empty store': into, 'over what is there': over },
      { rows: size.keys, name: 'entities' },
    );
    rates.set(name, size.keys / Math.min(...into.wall));
    const fastest = Math.round(size.keys / Math.min(...into.wall)).toLocaleString('en');
    console.log(`  fastest round: ${fastest} entities/s, wanted >= ${redisEntitiesPerSecondMin.toLocaleString('en')}`);
  });
  return rates;
}

/** All rows of a result, as the driver's arrays of column values. */
async function fetchAll({ lake }: BenchLake, sql: string): Promise<number> {
  return lake.withSession(async (session) => {
    let values = 0;
    for await (const chunk of session.chunks(sql)) for (const column of chunk.getColumns()) values += column.length;
    return values;
  });
}

/** @returns the exponent by which CPU time grows with the data: 1 = linearly. */
async function growth(bench: BenchLake, what: string, sizes: readonly Size[], rounds: number): Promise<number> {
  const times: number[] = [];
  for (const [index, size] of sizes.entries()) {
    const table = await prepare(bench, `growth_${what}_${index}`, size);
    const { asof } = await alternate({ asof: () => materialize(bench, table) }, rounds);
    times.push(median(asof.cpu));
    const counts = `${size.keys.toLocaleString('en')} keys x ${size.rowsPerKey} rows`;
    const rate = Math.round(size.keys / median(asof.wall)).toLocaleString('en');
    console.log(
      `growth of ${what}, ${counts}: ${median(asof.wall).toFixed(2)} s, cpu ${median(asof.cpu).toFixed(2)} s, ${rate} entities/s`,
    );
  }
  const slope = Math.log((times.at(-1) as number) / (times[0] as number)) / Math.log(16);
  console.log(`growth of ${what}: CPU time ~ size^${slope.toFixed(2)}`);
  return slope;
}
