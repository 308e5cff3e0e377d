import { limits } from '../config.js';
import { type Compacted, compact } from './compact.js';
import { type UpkeepContext, type UpkeepWork, upkeepCommit } from './context.js';
import { countLake, type LakeCounts } from './counts.js';
import { type ExpiredSnapshots, expireSnapshots } from './expire.js';
import { removeOrphans, removeReplacedFiles } from './files.js';
import { removeRecords } from './records.js';
import { removeRunFolders } from './run-folders.js';

/** When upkeep is due. */
export interface UpkeepThresholds {
  /** Snapshots since the last one. */
  readonly snapshots?: number | undefined;
  readonly smallFiles?: number | undefined;
  /** Time since the last one, once anything was committed. */
  readonly everyMs?: number | undefined;
}

export interface UpkeepLook {
  readonly counts: LakeCounts;
  /** Snapshots since the last upkeep. */
  readonly newSnapshots: number;
  /** ISO time; `undefined` = there was none yet. */
  readonly lastAt: string | undefined;
  /** Why it is due; `undefined` = it is not. */
  readonly due: string | undefined;
}

export interface UpkeepReport extends Compacted, Pick<ExpiredSnapshots, 'kept'> {
  readonly before: LakeCounts;
  readonly after: LakeCounts;
  readonly expiredSnapshots: number;
  /** Files that were replaced, or belonged to expired snapshots. */
  readonly removedFiles: number;
  readonly removedOrphans: number;
  /** Staging folders, logs and reports of old runs. */
  readonly removedRunFiles: number;
  /** Rows of asof's own tables. */
  readonly removedRecords: number;
  /** What was left undone, and why. */
  readonly notes: readonly string[];
  readonly tookMs: number;
}

export interface MaintainOptions {
  /** Changes nothing; the report says what would be done. */
  readonly dryRun?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((step: UpkeepStep) => void) | undefined;
}

const stepNames = ['run folders', 'records', 'expire snapshots', 'compact', 'remove files', 'orphans'] as const;

/** Which step begins, of how many. */
export interface UpkeepStep {
  readonly step: (typeof stepNames)[number];
  readonly number: number;
  readonly of: number;
}

/**
 * Keeps the lake small and fast while writers and readers are at work. Every step is a short commit of its own that is marked, changes
 * no row anybody sees, and finds by itself what there is to do: upkeep that was killed is simply run again.
 */
export class Upkeep {
  readonly #context: UpkeepContext;

  constructor(context: UpkeepContext) {
    this.#context = context;
  }

  /** The counts, and whether they or the time call for upkeep. Cheap. */
  async look(thresholds: UpkeepThresholds = {}): Promise<UpkeepLook> {
    const {
      snapshots = limits.upkeepSnapshots,
      smallFiles = limits.upkeepSmallFiles,
      everyMs = limits.upkeepEveryMs,
    } = thresholds;
    const { lake } = this.#context;
    const last = await lake.one<{ at: Date; snapshot: bigint }>(
      `SELECT recorded_at AS at, snapshot FROM ${lake.system('upkeep_runs')} ORDER BY recorded_at DESC LIMIT 1`,
    );
    const counts = await countLake(lake);
    const newSnapshots = (await lake.currentSnapshot()) - Number(last?.snapshot ?? 0);
    const passed = [
      ...(newSnapshots >= snapshots ? [`${newSnapshots} new snapshots`] : []),
      ...(counts.smallFiles >= smallFiles ? [`${counts.smallFiles} small files`] : []),
    ];
    // The record of the last upkeep is a commit too.
    if (passed.length === 0 && newSnapshots > 1 && Date.now() - (last?.at.getTime() ?? 0) >= everyMs)
      passed.push(last === undefined ? 'there was none yet' : `the last one was at ${last.at.toISOString()}`);
    return {
      counts,
      newSnapshots,
      lastAt: last?.at.toISOString(),
      due: passed.length === 0 ? undefined : passed.join(', '),
    };
  }

  /** All of it, now. @throws StoreUnavailableError when the lake can't be reached. */
  async maintain({ dryRun = false, signal, onProgress }: MaintainOptions = {}): Promise<UpkeepReport> {
    const { lake } = this.#context;
    const startedAt = Date.now();
    const work: UpkeepWork = { ...this.#context, signal, dryRun, notes: [] };
    const step = <T>(name: UpkeepStep['step'], run: (work: UpkeepWork) => Promise<T>): Promise<T> => {
      signal?.throwIfAborted();
      onProgress?.({ step: name, number: stepNames.indexOf(name) + 1, of: stepNames.length });
      return run(work);
    };
    const before = await countLake(lake);
    // By the records, so before them.
    const removedRunFiles = await step('run folders', removeRunFolders);
    const removedRecords = await step('records', removeRecords);
    const { expired, kept, cursors } = await step('expire snapshots', expireSnapshots);
    const compacted = await step('compact', compact);
    const removedFiles = await step('remove files', removeReplacedFiles);
    const removedOrphans = await step('orphans', removeOrphans);
    const report: UpkeepReport = {
      before,
      after: await countLake(lake),
      ...compacted,
      expiredSnapshots: expired,
      kept,
      removedFiles,
      removedOrphans,
      removedRunFiles,
      removedRecords,
      notes: work.notes,
      tookMs: Date.now() - startedAt,
    };
    if (!dryRun) await this.#record(work, report, cursors);
    return report;
  }

  /** Other projects of the lake read what this one's online store needs. */
  async #record(work: UpkeepWork, report: UpkeepReport, cursors: readonly number[] | undefined): Promise<void> {
    const { lake, rules } = this.#context;
    const runs = lake.system('upkeep_runs');
    await upkeepCommit(work, 'record', async (session) => {
      // Unknown this time: what was known the last time holds.
      const needed =
        cursors === undefined
          ? (await session.one<{ cursors: string }>(`SELECT cursors FROM ${runs} ORDER BY recorded_at DESC LIMIT 1`))
              ?.cursors
          : JSON.stringify(cursors);
      if (needed === undefined) return;
      await session.run(`INSERT INTO ${runs} VALUES (now(), $1, $2, $3, $4)`, [
        ...[BigInt(await lake.currentSnapshot()), needed, BigInt(rules.keepSnapshotsMs), JSON.stringify(report)],
      ]);
    });
  }
}
