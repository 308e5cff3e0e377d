import path from 'node:path';
import type { FeatureTable } from '../src/definitions/feature-table.js';
import { historicalFeatures } from '../src/offline-store/historical-features.js';
import { assertSameAnswer } from './lib/answers.js';
import { type BenchLake, createBenchView, openBenchLake } from './lib/bench-lake.js';
import { compareWithFeast } from './lib/feast.js';
import { bareSql, historyTable, insertHistory, writeEntities } from './lib/history-data.js';
import { alternate, median, printRatio, printTimes, ratios } from './lib/measure.js';

/** Wanted: at most this many times the time of the bare SQL that gives the same answer. */
const ratioMax = 1.5;

/** Historical features of eight columns, result to Parquet, against bare SQL and Feast; then growth. */
export async function run({ quick }: { readonly quick: boolean }): Promise<void> {
  const bench = await openBenchLake();
  try {
    const scale = quick ? 20 : 1;
    const rows = 5_000_000 / scale;
    const keys = 10_000 / scale;
    const table = historyTable('driver_stats');
    await createBenchView(bench.lake, table);
    await insertHistory(bench.lake, table, rows, keys);
    const missed: string[] = [];
    for (const entityRows of [100_000 / scale, 1_000_000 / scale]) {
      const entities = await writeEntities(bench.lake, bench.folder, entityRows, keys);
      const ratio = await againstBareSql(bench, table, entities, { rows, keys, entityRows, rounds: quick ? 1 : 5 });
      if (ratio > ratioMax) missed.push(`${entityRows} entity rows: ${ratio.toFixed(2)}`);
      await compareWithFeast(bench, table, entities, path.join(bench.folder, 'asof.parquet'));
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

/** @returns the ratio to the faster of the two bare statements. */
async function againstBareSql(
  bench: BenchLake,
  table: FeatureTable,
  entities: string,
  size: { rows: number; keys: number; entityRows: number; rounds: number },
): Promise<number> {
  const { lake, folder } = bench;
  const file = (name: string) => path.join(folder, `${name}.parquet`);
  const bare = bareSql(lake, table, entities);
  const copy = (sql: string, name: string) =>
    lake.all(`COPY (${sql}) TO '${file(name)}' (FORMAT parquet, COMPRESSION zstd)`);
  const contestants = {
    asof: () => ask(bench, table, entities, file('asof')),
    'bare SQL, ties removed first': () => copy(bare.usual, 'usual'),
    'bare SQL, two steps': () => copy(bare.tuned, 'tuned'),
  };
  for (const work of Object.values(contestants)) await work();
  await assertSameAnswer(lake, file('asof'), file('usual'));
  await assertSameAnswer(lake, file('asof'), file('tuned'));
  const times = await alternate(contestants, size.rounds);
  const { rows, keys, entityRows } = size;
  const title = `${entityRows.toLocaleString('en')} entity rows, ${rows.toLocaleString('en')} feature rows, ${keys.toLocaleString('en')} keys (answers equal)`;
  printTimes(title, times, { rows: entityRows, name: 'entity rows' });
  const usual = times['bare SQL, ties removed first'];
  const tuned = times['bare SQL, two steps'];
  printRatio('to bare SQL, ties removed first', times.asof, usual, ratioMax);
  printRatio('to bare SQL, two steps', times.asof, tuned, ratioMax);
  return Math.max(ratios(times.asof, usual).wall, ratios(times.asof, tuned).wall);
}

/** Feature and entity rows grow together; time per row must not. */
async function growth(bench: BenchLake, quick: boolean): Promise<void> {
  const unit = quick ? 15_625 : 312_500;
  const times: number[] = [];
  for (const factor of [1, 4, 16]) {
    const table = historyTable(`growth_${factor}`);
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
