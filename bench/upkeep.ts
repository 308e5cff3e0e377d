import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { type FeatureTable, tableColumns } from '../src/definitions/feature-table.js';
import { upkeepRules } from '../src/definitions/upkeep-settings.js';
import { DuckLakeOfflineStore } from '../src/offline-store/ducklake-offline-store.js';
import { openLmdbOnlineStore } from '../src/online-store/lmdb-online-store.js';
import { materializeView } from '../src/sync/index.js';
import { float32, int64 } from '../src/types.js';
import { Upkeep } from '../src/upkeep/index.js';
import { ageLake } from '../test/support/age-lake.js';
import { type BenchLake, createBenchView, openBenchLake } from './lib/bench-lake.js';
import { quantile } from './lib/measure.js';

/** Wanted: nothing of the last hour is more than this times that of the second; the first fills the lake up to what is kept. */
const growthMax = 1.3;

const table: FeatureTable = {
  view: 'driver_stats_stream',
  generation: 1,
  joinKeys: { driver_id: int64() },
  features: { conv_rate: float32(), acc_rate: float32() },
  ttlMs: 0,
};
const rowsPerCommit = 50;
const everyCommits = 600;

/** One hour of the stream: as many commits as seconds, whatever the machine takes for them. */
interface Hour {
  readonly hour: string;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly catalogMb: number;
  readonly snapshots: number;
  readonly files: number;
  readonly onDisk: number;
}

/** Four hours of a stream that commits every second, with upkeep every ten minutes; then one without, for comparison. */
export async function run({ quick }: { readonly quick: boolean }): Promise<void> {
  const perHour = quick ? 1_200 : 3_600;
  const kept = await stream(quick ? 2 : 4, perHour, true);
  await stream(1, quick ? perHour : 7_200, false);
  if (quick) return;
  const [second, last] = [kept[1], kept.at(-1)] as [Hour, Hour];
  const grown = (['p50', 'catalogMb', 'snapshots', 'files', 'onDisk'] as const).map((what) => {
    const ratio = last[what] / second[what];
    console.log(`  ${what} of the last hour / second: ${ratio.toFixed(2)}  wanted <= ${growthMax}`);
    return ratio;
  });
  if (Math.max(...grown) > growthMax) throw new Error('something grows');
}

async function stream(hours: number, perHour: number, upkeep: boolean): Promise<Hour[]> {
  const bench = await openBenchLake();
  const online = openLmdbOnlineStore({ directory: path.join(bench.folder, 'online'), project: 'bench' });
  const { lake } = bench;
  const offline = new DuckLakeOfflineStore(lake);
  const keeper = new Upkeep({
    lake,
    rules: upkeepRules('bench'),
    tables: async () => [table],
    online: async () => online,
  });
  console.log(upkeep ? `with upkeep every ${everyCommits} commits` : 'without upkeep');
  try {
    await createBenchView(lake, table);
    const ranges = [{ partition: 0, start: 0, end: 0 }];
    let [claim] = await offline.claimPartitions({ table, topic: 'drivers', topicId: 'one', ranges });
    // The cursor of the first run stays where it is: a stream needs no other.
    await materializeView(
      { lake, offline, online },
      { table, mode: { type: 'full' }, file: path.join(bench.folder, 'newest.parquet') },
    );
    const results: Hour[] = [];
    const maintained: number[] = [];
    for (let hour = 0; hour < hours; hour += 1) {
      const times: number[] = [];
      let spent = 0;
      for (let n = 0; n < perHour; n += 1) {
        if (claim === undefined) throw new Error('no claim');
        const before = performance.now();
        const nextOffset = claim.nextOffset + rowsPerCommit;
        const counts = { read: rowsPerCommit, written: rowsPerCommit, deadLetters: 0, dropped: 0, late: 0 };
        await offline.appendStreamBatch({
          table,
          topic: 'drivers',
          progress: [{ claim, nextOffset, counts }],
          columns: columnsOf(claim.nextOffset),
          deadLetters: [],
        });
        claim = { ...claim, nextOffset };
        const took = performance.now() - before;
        times.push(took);
        spent += took;
        if (!upkeep || (n + 1) % everyCommits !== 0) continue;
        // A second each: what the commits did not take passes now.
        await ageLake(lake, everyCommits * 1_000 - Math.min(spent, everyCommits * 1_000));
        spent = 0;
        const { tookMs, notes } = await keeper.maintain();
        maintained.push(tookMs);
        for (const note of notes) console.log(`  left undone: ${note}`);
      }
      results.push(await measured(bench, `hour ${hour + 1}`, times, keeper));
      print(results.at(-1) as Hour);
    }
    const found = await lake.one<{ n: bigint }>(`SELECT count(*) AS n FROM ${lake.table(table.view)}`);
    if (Number(found?.n) !== hours * perHour * rowsPerCommit) throw new Error(`${found?.n} rows are there`);
    const most = Math.round(Math.max(0, ...maintained));
    if (upkeep)
      console.log(
        `  upkeep took ${Math.round(maintained.reduce((a, b) => a + b, 0) / maintained.length)} ms, at most ${most} ms`,
      );
    return results;
  } finally {
    await online.close();
    bench.close();
  }
}

function columnsOf(offset: number): unknown[][] {
  const values = Array.from({ length: rowsPerCommit }, (_, n) => offset + n);
  const made: Record<string, (n: number) => unknown> = {
    driver_id: (n) => (n * 7_919) % 10_000,
    event_timestamp: (n) => new Date(1_700_000_000_000 + n * 20),
    created_timestamp: () => null,
    _ingest_time: (n) => new Date(1_700_000_000_000 + n * 20),
    _ingest_position: (n) => n,
    _topic: () => 'drivers',
    _partition: () => 0,
    _offset: (n) => n,
  };
  return Object.keys(tableColumns(table)).map((name) => values.map(made[name] ?? ((n) => (n % 997) / 997)));
}

async function measured(bench: BenchLake, hour: string, times: number[], keeper: Upkeep): Promise<Hour> {
  times.sort((a, b) => a - b);
  const { counts } = await keeper.look();
  const catalog = path.join(bench.folder, 'lake', 'catalog.sqlite');
  const bytes = [catalog, `${catalog}-wal`].reduce(
    (sum, file) => sum + (existsSync(file) ? statSync(file).size : 0),
    0,
  );
  return {
    hour,
    perSecond: 1_000 / (times.reduce((a, b) => a + b, 0) / times.length),
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    catalogMb: bytes / 1024 ** 2,
    snapshots: counts.snapshots,
    files: counts.files,
    onDisk: filesBelow(path.join(bench.folder, 'lake', 'data')),
  };
}

const filesBelow = (folder: string): number =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;

function print({ hour, perSecond, p50, p99, catalogMb, snapshots, files, onDisk }: Hour): void {
  console.log(
    `  ${hour}: ${Math.round(perSecond)} commits/s, p50 ${p50} ms, p99 ${p99} ms; catalog ${catalogMb.toFixed(1)} MB, ${snapshots} snapshots, ${files} files, ${onDisk} on disk`,
  );
}
