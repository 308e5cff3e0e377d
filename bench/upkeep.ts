import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { limits } from '../src/config.js';
import { type CatalogOptions, catalog, type Lake, lit } from '../src/lake/index.js';
import { tableStates } from '../src/upkeep/counts.js';
import { lacks, startPostgres } from '../test/support/services.js';
import { BenchStream } from './lib/bench-stream.js';
import { alternate, type Measured, quantile, ratios } from './lib/measure.js';

/** Wanted: a commit to the lake after the last hour takes at most this times one to a new lake that did the same just now. */
const slowerMax = 1.25;
/** Wanted: no size of the last hour is more than this times that of the second; the first fills the lake up to what is kept. */
const growthMax = 1.3;

const everyCommits = 600;

/** One hour of the stream: as many commits as seconds, whatever the machine takes for them. */
interface Hour {
  readonly hour: number;
  /** Commits to this lake and to a new one in turn, both right after upkeep: their medians as a multiple. */
  readonly slower: { readonly wall: number; readonly cpu: number };
  readonly p50: number;
  readonly p99: number;
  readonly catalogMb: number;
  readonly snapshots: number;
  readonly onDisk: number;
  readonly files: number;
  /** As many files may be there: each table merges those of about one size once there are several. */
  readonly filesMax: number;
}

/** Four hours of a stream that commits every second, with upkeep every ten minutes; then half an hour without, for comparison. */
export async function run({ quick }: { readonly quick: boolean }): Promise<void> {
  console.log('SQLite catalog');
  await series(quick ? { hours: 2, perHour: 1_200 } : { hours: 4, perHour: 3_600 }, quick, async () => undefined);
  if (lacks('postgres')) return console.log('Postgres catalog: not measured, there is no Postgres here');
  const server = await startPostgres();
  try {
    console.log('Postgres catalog');
    let lakes = 0;
    await series({ hours: quick ? 2 : 4, perHour: quick ? 600 : 1_200 }, quick, async () => {
      lakes += 1;
      return { type: 'postgres', url: await server.createDatabase(`lake_${lakes}`) };
    });
  } finally {
    await server.close();
  }
}

type MakeCatalog = () => Promise<CatalogOptions | undefined>;
interface Length {
  readonly hours: number;
  readonly perHour: number;
}

async function series({ hours, perHour }: Length, quick: boolean, make: MakeCatalog): Promise<void> {
  const kept = await stream({ hours, perHour }, quick ? 20 : 200, make, true);
  await stream({ hours: 1, perHour: quick ? 600 : 1_800 }, quick ? 20 : 200, make, false);
  if (quick) return;
  const [second, last] = [kept[1], kept.at(-1)] as [Hour, Hour];
  const missed: string[] = [];
  const judge = (what: string, value: number, wanted: number): void => {
    console.log(`  ${what}: ${value.toFixed(2)}  wanted <= ${wanted}${value <= wanted ? '' : '  MISSED'}`);
    if (value > wanted) missed.push(what);
  };
  judge('commit to the lake of the last hour / to a new one', last.slower.wall, slowerMax);
  for (const what of ['catalogMb', 'snapshots', 'onDisk'] as const)
    judge(`${what} of the last hour / second`, last[what] / second[what], growthMax);
  judge('files', last.files, last.filesMax);
  if (missed.length > 0) throw new Error(`something grows: ${missed.join(', ')}`);
}

async function stream({ hours, perHour }: Length, pairs: number, make: MakeCatalog, upkeep: boolean): Promise<Hour[]> {
  const lake = await BenchStream.open(await make());
  console.log(upkeep ? `with upkeep every ${everyCommits} commits` : 'without upkeep');
  const results: Hour[] = [];
  const maintained: number[] = [];
  const maintain = async (): Promise<void> => {
    const { tookMs, notes } = await lake.upkeep();
    maintained.push(tookMs);
    for (const note of notes) console.log(`  left undone: ${note}`);
  };
  try {
    for (let hour = 1; hour <= hours; hour += 1) {
      const times: number[] = [];
      for (let n = 1; n <= perHour; n += 1) {
        times.push(await lake.commit());
        if (upkeep && n % everyCommits === 0) await maintain();
      }
      const sizes = await sizesOf(lake);
      const paired = await againstNew(lake, make, pairs);
      times.sort((a, b) => a - b);
      const found = {
        ...{ hour, slower: ratios(paired.lake, paired.fresh) },
        ...{ p50: quantile(times, 0.5), p99: quantile(times, 0.99), ...sizes },
      };
      results.push(found);
      print(found);
    }
    await lake.check();
    if (maintained.length > 0) {
      const mean = maintained.reduce((a, b) => a + b, 0) / maintained.length;
      console.log(`  upkeep took ${Math.round(mean)} ms, at most ${Math.round(Math.max(...maintained))} ms`);
    }
    return results;
  } finally {
    await lake.close();
  }
}

/** Commits to the lake and to a new one in turn: what the machine does meanwhile hits both. */
async function againstNew(
  lake: BenchStream,
  make: MakeCatalog,
  pairs: number,
): Promise<Record<'lake' | 'fresh', Measured>> {
  const fresh = await BenchStream.open(await make());
  try {
    // A lake that has never committed knows less than any that is in use.
    for (let n = 0; n < 10; n += 1) await fresh.commit();
    await fresh.upkeep();
    return await alternate({ lake: () => lake.commit(), fresh: () => fresh.commit() }, pairs);
  } finally {
    await fresh.close();
  }
}

type Sizes = Pick<Hour, 'catalogMb' | 'snapshots' | 'onDisk' | 'files' | 'filesMax'>;

async function sizesOf({ bench, keeper }: BenchStream): Promise<Sizes> {
  const { counts } = await keeper.look();
  const used = (await tableStates(bench.lake)).filter(({ files }) => files > 0);
  return {
    catalogMb: (await catalogBytes(bench.lake, bench.folder)) / 1024 ** 2,
    snapshots: counts.snapshots,
    onDisk: filesBelow(path.dirname(path.dirname(bench.lake.dataDirectory('any')))),
    files: counts.files,
    filesMax: used.length * limits.mergeTiersBytes.length * limits.mergeTierFiles,
  };
}

async function catalogBytes(lake: Lake, folder: string): Promise<number> {
  const file = path.join(folder, 'lake', 'catalog.sqlite');
  if (existsSync(file))
    return [file, `${file}-wal`].reduce((sum, each) => sum + (existsSync(each) ? statSync(each).size : 0), 0);
  const found = await lake.one<{ bytes: bigint }>(
    `SELECT bytes FROM postgres_query(${lit(`__ducklake_metadata_${catalog}`)},
       'SELECT pg_database_size(current_database()) AS bytes')`,
  );
  return Number(found?.bytes);
}

const filesBelow = (folder: string): number =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;

function print({ hour, slower, p50, p99, catalogMb, snapshots, files, filesMax, onDisk }: Hour): void {
  console.log(
    `  hour ${hour}: ${slower.wall.toFixed(2)} times a new lake (cpu ${slower.cpu.toFixed(2)}), p50 ${p50} ms, p99 ${p99} ms; catalog ${catalogMb.toFixed(1)} MB, ${snapshots} snapshots, ${files} files of at most ${filesMax}, ${onDisk} on disk`,
  );
}
