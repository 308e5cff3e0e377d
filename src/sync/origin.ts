import { randomUUID } from 'node:crypto';
import type { OnlineStore } from '../online-store/online-store.js';
import { readCursor } from './cursor.js';
import { type LakeState, snapshotHistory } from './lake-state.js';
import type { Stores } from './stores.js';

/** Where a view's online rows come from. */
export interface Origin {
  readonly lakeId: string;
  /** Another one whenever the view's rows began anew: whoever goes on with earlier work compares it. */
  readonly incarnation: string;
}

const originMark = 'origin';

export async function readOrigin(online: OnlineStore, view: string): Promise<Origin | undefined> {
  const text = await online.getMark(view, originMark);
  return text === undefined ? undefined : (JSON.parse(text) as Origin);
}

/**
 * Makes sure that the view's online rows are of this lake. Rows carry snapshot numbers, which mean something in one lake only: rows
 * of another lake, or of this one before it was set back, can't be compared and are removed, so that what is written next is not
 * held up by them.
 * @returns the origin of the rows from now on, and why the view's rows were removed, if they were.
 */
export async function settleOrigin(
  { lake, online }: Pick<Stores, 'lake' | 'online'>,
  view: string,
  now: LakeState,
): Promise<{ incarnation: string; dropped: string | undefined }> {
  const known = await readOrigin(online, view);
  const dropped = await originMismatch({ lake, online }, view, now);
  if (known !== undefined && dropped === undefined) return { incarnation: known.incarnation, dropped };
  return { incarnation: await beginAnew(online, view, now, dropped !== undefined), dropped };
}

/** Notes that the view's online rows begin anew; removes those there are when they can't be used. */
export async function beginAnew(
  online: OnlineStore,
  view: string,
  { lakeId }: LakeState,
  drop: boolean,
): Promise<string> {
  if (drop) await online.dropView(view);
  const origin: Origin = { lakeId, incarnation: randomUUID() };
  await online.setMark(view, originMark, JSON.stringify(origin));
  // Somebody else may have done the same at the same time: the last one counts.
  return (await readOrigin(online, view))?.incarnation ?? origin.incarnation;
}

/** Why the view's online rows are not of this lake as it is; `undefined` = they are. */
export async function originMismatch(
  { lake, online }: Pick<Stores, 'lake' | 'online'>,
  view: string,
  now: LakeState,
): Promise<string | undefined> {
  const known = await readOrigin(online, view);
  if (known !== undefined && known.lakeId !== now.lakeId) return 'the online rows came from another lake';
  const cursor = await readCursor(online, view);
  if (cursor === undefined) return undefined;
  if (cursor.snapshot > now.snapshot) {
    return `the online rows are ahead of the lake (snapshot ${cursor.snapshot}, the lake has ${now.snapshot})`;
  }
  const { committedAt } = await snapshotHistory(lake, cursor.snapshot, now.snapshot);
  if (committedAt === undefined || committedAt === cursor.committedAt) return undefined;
  return `the lake was set back: its snapshot ${cursor.snapshot} is another one than that of the last run`;
}
