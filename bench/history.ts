import path from 'node:path';
import type { FeatureTable } from '../src/definitions/feature-table.js';
import { historicalFeatures } from '../src/offline-store/historical-features.js';
import { assertSameAnswer } from './lib/answers.js';
import { type BenchLake, createBenchView, openBenchLake } from './lib/bench-lake.js';
import { compareWithFeast } from './lib/feast-history.js';
import { bareSql, historyTable, insertHistory, writeEntities } from './lib/history-data.js';
import { alternate, type Measured, median, printRatio, printTimes, ratios } from './lib/measure.js';

/** Wanted: at most this many times the time of the fastest bare SQL that gives the same answer. */
const ratioMax = 1.5;
const hour = 3_600_000;

/** Historical features of eight columns, result to Parquet, against bare SQL and Feast; then growth. */
export async function run({ quick }: { readonly quick: boolean }): Promise<void> {
  const bench = await openBenchLake();
  try {
    const scale = quick ? 20 : 1;
    const rows = 5_000_000 / scale;
    const keys = 10_000 / scale;
    const expiring = historyTable('driver_stats', 12 * hour);
    const lasting = historyTable('driver_stats', 0);
    await createBenchView(bench.lake, expiring);
    await insertHistory(bench.lake, expiring, rows, keys);
    const missed: string[] = [];
    for (const entityRows of [100_000 / scale, 1_000_000 / scale]) {
      const entities = await writeEntities(bench.lake, bench.folder, entityRows, keys);
      for (const table of [expiring, lasting]) {
        const ratio = await againstBareSql(bench, table, entities, {
          rows,
          keys,
          entityRows,
          rounds: quick ? 1 : 5,
          judged: !quick,
        });
        if (ratio > ratioMax) missed.push(`${entityRows} entity rows: ${ratio.toFixed(2)}`);
        // Without a ttl Feast joins each entity row with all earlier rows: hundreds of millions at the larger size.
        if (table === lasting && entityRows > 100_000)
          console.log('  Feast: not asked, it would hold every earlier row of every entity row');
        else await compareWithFeast(bench, table, entities, path.join(bench.folder, 'asof.parquet'));
      }
    }
    await growth(bench, quick);
    if (missed.length > 0 && !quick)
      throw new Error(`slower than ${ratioMax} times the bare SQL at ${missed.join('; ')}`);
  } finally {
    bench.close();
  }
}

function ask({ lake }: BenchLake, table: FeatureTable, entities: string, file: string): Promise<unknown> {
  const columns = Object.fromEntries(Object.keys(table.features).map((name) => [name, name]));
  return historicalFeatures(lake, {
    selections: [{ table, columns }],
    entities: { type: 'file', path: entities },
    output: { type: 'file', path: file },
  });
}

/** @returns the ratio to the fastest of the bare statements. */
async function againstBareSql(
  bench: BenchLake,
  table: FeatureTable,
  entities: string,
  size: { rows: number; keys: number; entityRows: number; rounds: number; judged: boolean },
): Promise<number> {
  const { lake, folder } = bench;
  const file = (name: string) => path.join(folder, `${name}.parquet`);
  const ours = file('asof');
  const contestants: Record<string, () => Promise<unknown>> = { asof: () => ask(bench, table, entities, ours) };
  await contestants['asof']?.();
  for (const [name, sql] of Object.entries(bareSql(lake, table, entities))) {
    if (sql === undefined) continue;
    const copy = () => lake.all(`COPY (${sql}) TO '${file(name)}' (FORMAT parquet, COMPRESSION zstd)`);
    await copy();
    await assertSameAnswer(lake, ours, file(name));
    contestants[`bare SQL, ${name}`] = copy;
  }
  const { asof, ...bare } = await alternate(contestants, size.rounds);
  const { rows, keys, entityRows } = size;
  const ttl = table.ttlMs === 0 ? 'no ttl' : `ttl ${table.ttlMs / hour} h`;
  const counts = `${entityRows.toLocaleString('en')} entity rows, ${rows.toLocaleString('en')} feature rows, ${keys.toLocaleString('en')} keys`;
  printTimes(
    `${counts}, ${ttl} (answers equal)`,
    { asof: asof as Measured, ...bare },
    { rows: entityRows, name: 'entity rows' },
  );
  for (const [name, times] of Object.entries(bare))
    printRatio(`to ${name}`, asof as Measured, times, size.judged ? ratioMax : undefined);
  return Math.max(...Object.values(bare).map((times) => ratios(asof as Measured, times).wall));
}

/** Feature and entity rows grow together; time per row must not. */
async function growth(bench: BenchLake, quick: boolean): Promise<void> {
  const unit = quick ? 15_625 : 312_500;
  const times: number[] = [];
  for (const factor of [1, 4, 16]) {
    const table = historyTable(`growth_${factor}`, 0);
    await createBenchView(bench.lake, table);
    await insertHistory(bench.lake, table, unit * factor, quick ? 500 : 10_000);
    const entities = await writeEntities(bench.lake, bench.folder, (unit / 5) * factor, quick ? 500 : 10_000);
    const work = () => ask(bench, table, entities, path.join(bench.folder, 'growth.parquet'));
    const { asof } = await alternate({ asof: work }, quick ? 1 : 3);
    times.push(median(asof.cpu));
    const once = median(asof.cpu) / (times[0] as number);
    console.log(
      `growth ${String(factor).padStart(2)}x: ${median(asof.wall).toFixed(2)} s, cpu ${median(asof.cpu).toFixed(2)} s = ${once.toFixed(1)} times 1x`,
    );
  }
  if (!quick && (times[2] as number) > 16 * (times[0] as number)) throw new Error('time grows faster than the rows');
}
