import type { FeatureTable } from '../definitions/feature-table.js';
import { DefinitionError } from '../errors.js';
import type { Lake } from '../lake/index.js';
import type { KeySelection } from '../offline-store/offline-store.js';
import { type Cursor, cursorMismatch } from './cursor.js';
import type { LakeState } from './lake-state.js';
import { dueNow, latest, type OnlineEnds } from './online-ends.js';

/** What to bring online: what changed since the cursor, everything, or keys with rows in a window of event times (inclusive). */
export type MaterializeMode =
  | { readonly type: 'incremental' }
  | { readonly type: 'full' }
  | { readonly type: 'window'; readonly start: Date; readonly end: Date };

export interface Plan {
  readonly keys: KeySelection;
  readonly mode: MaterializeMode['type'];
  /** Why a full run instead of the one asked for. */
  readonly reason?: string | undefined;
  readonly end: Date;
}

export interface PlanFacts {
  readonly table: FeatureTable;
  readonly mode: MaterializeMode;
  /** The end asked for. */
  readonly end?: Date | undefined;
  readonly cursor: Cursor | undefined;
  readonly ends: OnlineEnds;
  readonly now: LakeState & { readonly incarnation: string };
  /** Why the view's online rows were just removed, if they were. */
  readonly dropped: string | undefined;
}

/**
 * Decides what a run looks at.
 * @throws DefinitionError for times that are none, a window that ends before it starts, and when an incremental run is asked for an
 * end that lies before what is online already.
 */
export async function choosePlan(lake: Lake, facts: PlanFacts): Promise<Plan> {
  const { table, mode, end: asked, cursor, ends, now, dropped } = facts;
  checkTimes(facts);
  if (mode.type === 'window') {
    // What is online already may be newer than the window; a key named by the window must not go back in time.
    const end = latest(cursor?.end, ends.window, ends.live, mode.end, asked);
    return { keys: { type: 'window', from: mode.start, to: mode.end }, mode: 'window', end };
  }
  const due = asked ?? dueNow();
  if (mode.type === 'full') return fullRun(due, facts);
  if (cursor === undefined)
    return fullRun(due, facts, dropped ?? 'the online store has no rows of the view yet, or has lost some of them');
  const mismatch = await cursorMismatch(cursor, table, now, lake);
  if (mismatch !== undefined) return fullRun(due, facts, mismatch);
  const reached = latest(cursor.end, ends.window);
  if (asked !== undefined && asked < reached) {
    throw new DefinitionError(
      `end ${asked.toISOString()} lies before ${reached.toISOString()}, up to which the view is online already`,
      { where: `view ${table.view}`, mend: 'leave --end out, or set the online store back with --full' },
    );
  }
  return {
    keys: { type: 'changed', fromSnapshot: cursor.snapshot + 1, toSnapshot: now.snapshot, after: cursor.end },
    mode: 'incremental',
    end: latest(due, reached),
  };
}

function checkTimes({ table, mode, end }: PlanFacts): void {
  const times = [...(end === undefined ? [] : [end]), ...(mode.type === 'window' ? [mode.start, mode.end] : [])];
  const isOrdered = mode.type !== 'window' || mode.start <= mode.end;
  if (isOrdered && times.every((time) => !Number.isNaN(time.getTime()))) return;
  throw new DefinitionError(isOrdered ? 'a time is no valid date' : 'the window ends before it starts', {
    where: `materialize of view ${table.view}`,
    mend: 'give valid dates, the start before the end',
  });
}

const firstTime = new Date('0001-01-01T00:00:00Z');
const lastTime = new Date('9999-12-31T23:59:59.999Z');

/**
 * A full run that sets the store back names the keys that have no row up to its end: their rows may have been confirmed at the very
 * snapshot of the run, and a sweep takes only what was not.
 */
function fullRun(end: Date, { cursor, ends }: PlanFacts, reason?: string): Plan {
  const setsBack = end < latest(cursor?.end, ends.window, ends.live);
  const keys: KeySelection = setsBack ? { type: 'window', from: firstTime, to: lastTime } : { type: 'all' };
  return { keys, mode: 'full', reason, end };
}
