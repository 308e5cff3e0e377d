import { DefinitionError } from '../errors.js';
import { keptSnapshots } from './kept-snapshots.js';
import type { Lake } from './lake.js';
import { whilePinned } from './pins.js';

/** A moment of the lake: a snapshot, or the newest one committed at or before a time. Neither = now. */
export interface LakeMoment {
  readonly asOfSnapshot?: number | undefined;
  readonly asOfTime?: Date | undefined;
}

/** @throws DefinitionError when both are given, or the lake no longer knows, or never knew, that moment. */
export async function resolveMoment(lake: Lake, { asOfSnapshot, asOfTime }: LakeMoment): Promise<number | undefined> {
  if (asOfTime === undefined) return asOfSnapshot;
  if (asOfSnapshot !== undefined)
    throw new DefinitionError("asOfSnapshot and asOfTime can't be used together", { mend: 'leave one out' });
  if (!(asOfTime instanceof Date) || Number.isNaN(asOfTime.getTime()))
    throw new DefinitionError('asOfTime is no valid date', { mend: "write e.g. new Date('2024-01-01T00:00:00Z')" });
  // Snapshots of before the project was made are of no use to it.
  const found = await lake.one<{ id: bigint | null; first: Date | null }>(
    `SELECT max(snapshot_id) FILTER (committed <= $1::TIMESTAMPTZ) AS id, min(committed) AS first
     FROM (SELECT snapshot_id, snapshot_time::TIMESTAMPTZ AS committed FROM ${await keptSnapshots(lake)})
     WHERE snapshot_id > 0`,
    [asOfTime],
  );
  if (found?.id != null) return Number(found.id);
  throw new DefinitionError(`the lake does not know how it was at ${asOfTime.toISOString()}`, {
    mend: `it knows times from ${found?.first?.toISOString()} on; older ones were expired by upkeep${await forgotten(lake)}`,
  });
}

/** Runs a read of the lake as it was at a moment, which upkeep leaves alone meanwhile. */
export async function readAsOf<T>(
  lake: Lake,
  moment: LakeMoment,
  read: (snapshot: number | undefined) => Promise<T>,
): Promise<T> {
  const snapshot = await resolveMoment(lake, moment);
  if (snapshot === undefined) return read(undefined);
  await checkSnapshot(lake, snapshot);
  return whilePinned(lake, { snapshot, reason: 'historical read', atOnce: true }, () => read(snapshot));
}

/** @throws DefinitionError naming the snapshots around it that are there. */
export async function checkSnapshot(lake: Lake, asked: number): Promise<void> {
  const known = await lake.one<{ first: bigint; last: bigint; found: boolean; before: bigint | null }>(
    `SELECT min(snapshot_id) AS first, max(snapshot_id) AS last, max(snapshot_id) FILTER (snapshot_id < $1) AS before,
       coalesce(bool_or(snapshot_id = $1), false) AS found FROM ${await keptSnapshots(lake)}`,
    [Number.isSafeInteger(asked) ? BigInt(asked) : -1n],
  );
  if (known?.found === true) return;
  const { first, last, before } = known ?? {};
  const nearest = before == null || asked > Number(last) ? '' : `; the last before it is ${before}`;
  throw new DefinitionError(`the lake has no snapshot ${asked}`, {
    mend: `it has ${first} to ${last}${nearest}; others were expired by upkeep${await forgotten(lake, asked)}`,
  });
}

/** That an entity was forgotten, which overrides all that would have kept a snapshot; nothing when none was. */
async function forgotten(lake: Lake, snapshot = 0): Promise<string> {
  const looks = (await lake.everywhere('forgets')).map(
    (table) => `SELECT max(recorded_at) AS recorded_at FROM ${table} WHERE state = 'expired' AND snapshot > $1`,
  );
  const found = await lake.one<{ last: Date | null }>(
    `SELECT max(recorded_at) AS last FROM (${looks.join(' UNION ALL ')})`,
    [BigInt(Math.max(0, Number.isSafeInteger(snapshot) ? snapshot : 0))],
  );
  if (found?.last == null) return '';
  return `, or when an entity was forgotten, last at ${found.last.toISOString()}: what was read from them can't be made again`;
}
