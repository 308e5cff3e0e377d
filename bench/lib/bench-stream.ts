import path from 'node:path';
import { type FeatureTable, tableColumns } from '../../src/definitions/feature-table.js';
import { upkeepRules } from '../../src/definitions/upkeep-settings.js';
import type { CatalogOptions } from '../../src/lake/index.js';
import { DuckLakeOfflineStore } from '../../src/offline-store/ducklake-offline-store.js';
import type { PartitionClaim } from '../../src/offline-store/offline-store.js';
import { openLmdbOnlineStore } from '../../src/online-store/lmdb-online-store.js';
import { materializeView } from '../../src/sync/index.js';
import { float32, int64 } from '../../src/types.js';
import { Upkeep, type UpkeepReport } from '../../src/upkeep/index.js';
import { ageLake } from '../../test/support/age-lake.js';
import { type BenchLake, createBenchView, openBenchLake } from './bench-lake.js';

export const rowsPerCommit = 50;
const table: FeatureTable = {
  view: 'driver_stats_stream',
  generation: 1,
  joinKeys: { driver_id: int64() },
  features: { conv_rate: float32(), acc_rate: float32() },
  ttlMs: 0,
};
const topic = 'drivers';

/** A lake of its own that a stream commits to, one commit a second whatever the machine takes for it. */
export class BenchStream {
  readonly bench: BenchLake;
  readonly keeper: Upkeep;
  readonly #offline: DuckLakeOfflineStore;
  readonly #online: ReturnType<typeof openLmdbOnlineStore>;
  #claim: PartitionClaim;
  #commits = 0;
  /** Since the last upkeep: commits, and the time they took. */
  #since = { commits: 0, ms: 0 };

  private constructor(bench: BenchLake, offline: DuckLakeOfflineStore, claim: PartitionClaim) {
    this.bench = bench;
    this.#offline = offline;
    this.#claim = claim;
    this.#online = openLmdbOnlineStore({ directory: path.join(bench.folder, 'online'), project: 'bench' });
    this.keeper = new Upkeep({
      lake: bench.lake,
      rules: upkeepRules('bench'),
      tables: async () => [table],
      online: async () => this.#online,
    });
  }

  static async open(catalog?: CatalogOptions): Promise<BenchStream> {
    const bench = await openBenchLake(catalog);
    const { lake, folder } = bench;
    await createBenchView(lake, table);
    const offline = new DuckLakeOfflineStore(lake);
    const ranges = [{ partition: 0, start: 0, end: 0 }];
    const [claim] = await offline.claimPartitions({ table, topic, topicId: 'one', ranges });
    if (claim === undefined) throw new Error('no claim');
    const stream = new BenchStream(bench, offline, claim);
    // The cursor of the first run stays where it is: a stream needs no other.
    await materializeView(
      { lake, offline, online: stream.#online },
      { table, mode: { type: 'full' }, file: path.join(folder, 'newest.parquet') },
    );
    return stream;
  }

  /** @returns what one commit took, in ms. */
  async commit(): Promise<number> {
    const before = performance.now();
    const nextOffset = this.#claim.nextOffset + rowsPerCommit;
    const counts = { read: rowsPerCommit, written: rowsPerCommit, deadLetters: 0, dropped: 0, late: 0 };
    await this.#offline.appendStreamBatch({
      table,
      topic,
      progress: [{ claim: this.#claim, nextOffset, counts }],
      columns: columnsOf(this.#claim.nextOffset),
      deadLetters: [],
    });
    this.#claim = { ...this.#claim, nextOffset };
    const took = performance.now() - before;
    this.#commits += 1;
    this.#since = { commits: this.#since.commits + 1, ms: this.#since.ms + took };
    return took;
  }

  /** After as many seconds as there were commits since the last one. */
  async upkeep(): Promise<UpkeepReport> {
    const { commits, ms } = this.#since;
    // What the commits did not take passes now.
    await ageLake(this.bench.lake, Math.max(0, commits * 1_000 - ms));
    this.#since = { commits: 0, ms: 0 };
    return this.keeper.maintain();
  }

  /** @throws when a row is missing or there twice. */
  async check(): Promise<void> {
    const { lake } = this.bench;
    const found = await lake.one<{ n: bigint }>(`SELECT count(*) AS n FROM ${lake.table(table.view)}`);
    if (Number(found?.n) !== this.#commits * rowsPerCommit) throw new Error(`${found?.n} rows are there`);
  }

  async close(): Promise<void> {
    await this.#online.close();
    this.bench.close();
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
    _topic: () => topic,
    _partition: () => 0,
    _offset: (n) => n,
  };
  return Object.keys(tableColumns(table)).map((name) => values.map(made[name] ?? ((n) => (n % 997) / 997)));
}
