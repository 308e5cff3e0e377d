import { limits } from '../config.js';
import { type Lake, listPins, type Session } from '../lake/index.js';
import { isOfRun } from '../runs/index.js';
import { readCursor } from '../sync/index.js';
import type { SnapshotFacts, SnapshotNeeds } from './choose-snapshots.js';
import type { UpkeepContext } from './context.js';

/**
 * The snapshots up to which views are online. Those of another lake or of an earlier generation are void: the next run reads all.
 * @throws StoreUnavailableError when the online store can't be reached.
 */
export async function onlineCursors(context: UpkeepContext): Promise<number[]> {
  const online = await context.online();
  const lakeId = await context.lake.lakeId();
  const cursors: number[] = [];
  for (const { view, generation } of await context.tables()) {
    const cursor = await readCursor(online, view);
    if (cursor !== undefined && cursor.lakeId === lakeId && cursor.generation === generation)
      cursors.push(cursor.snapshot);
  }
  return cursors;
}

export interface OtherProjects {
  readonly cursors: readonly number[];
  readonly keepMs: number;
  /** Those that have not said yet which snapshots their online store needs. */
  readonly silent: readonly string[];
}

/** What the other projects of the lake noted at their own upkeep. */
export async function otherProjects(lake: Lake): Promise<OtherProjects> {
  const own = lake.system('upkeep_runs');
  const others = (await lake.everywhere('lake')).map((table) => table.replace(/"lake"$/, '"upkeep_runs"'));
  const there = new Set(await lake.everywhere('upkeep_runs'));
  const found = { cursors: [] as number[], keepMs: 0, silent: [] as string[] };
  for (const table of others) {
    if (table === own) continue;
    const row = there.has(table)
      ? await lake.one<{ cursors: string; keep_ms: bigint }>(
          `SELECT cursors, keep_ms FROM ${table} ORDER BY recorded_at DESC LIMIT 1`,
        )
      : undefined;
    if (row === undefined) {
      found.silent.push((table.split('.')[1] ?? '').slice(1, -'_asof"'.length));
      continue;
    }
    found.cursors.push(...(JSON.parse(row.cursors) as number[]));
    found.keepMs = Math.max(found.keepMs, Number(row.keep_ms));
  }
  return found;
}

/** Everything that needs snapshots, of all projects of the lake. Reads through a session to see what its transaction sees. */
export async function snapshotNeeds(
  { lake, rules }: UpkeepContext,
  session: Pick<Session, 'all'>,
  snapshots: readonly SnapshotFacts[],
  given: { readonly cursors: readonly number[]; readonly others: OtherProjects },
): Promise<SnapshotNeeds> {
  const cursors = [...given.cursors, ...given.others.cursors];
  const runs = await openRuns(lake, session);
  const opening = (at: Date): number | undefined => snapshots.findLast((snapshot) => snapshot.at <= at)?.id;
  const bounded = runs.filter(({ isEndless }) => !isEndless).flatMap(({ at }) => opening(at) ?? []);
  const exact = new Map<number, string>();
  for (const { at } of runs) exact.set(opening(at) ?? 0, 'open run');
  for (const { snapshot } of await savedSets(lake, session)) exact.set(Number(snapshot), 'training set');
  for (const { snapshot } of await listPins(lake, session)) exact.set(snapshot, 'pinned');
  for (const cursor of cursors) exact.set(cursor, 'online cursor');
  return {
    exact,
    chainFrom: cursors.length === 0 ? undefined : Math.min(...cursors),
    sinceRun: bounded.length === 0 ? undefined : Math.min(...bounded),
    keepMs: Math.max(rules.keepSnapshotsMs, given.others.keepMs),
  };
}

interface OpenRun {
  readonly at: Date;
  /** A stream's run has no end: what it reads it never reads again. */
  readonly isEndless: boolean;
}

async function openRuns(lake: Lake, session: Pick<Session, 'all'>): Promise<OpenRun[]> {
  const runs: OpenRun[] = [];
  for (const table of await lake.everywhere('run_events')) {
    const rows = await session.all<{ at: Date; end: string | null }>(
      `SELECT min(recorded_at) AS at, min(json_extract_string(detail, '$.interval.end')) AS "end" FROM ${table}
       WHERE ${isOfRun} GROUP BY run_id HAVING count(*) FILTER (event = 'closed') = 0 AND min(recorded_at) > $1::TIMESTAMPTZ`,
      [new Date(Date.now() - limits.openRunHoldsMs)],
    );
    runs.push(...rows.map(({ at, end }) => ({ at, isEndless: end?.startsWith('9999') === true })));
  }
  return runs;
}

async function savedSets(lake: Lake, session: Pick<Session, 'all'>): Promise<{ snapshot: bigint }[]> {
  const tables = await lake.everywhere('training_sets');
  return session.all<{ snapshot: bigint }>(
    tables
      .map((table) => `SELECT snapshot FROM ${table} WHERE expires_at IS NULL OR expires_at > now()`)
      .join(' UNION ALL '),
  );
}
