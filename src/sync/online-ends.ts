import { limits } from '../config.js';
import type { OnlineStore } from '../online-store/online-store.js';

/**
 * Event times up to which rows may be online, beyond the cursor's end: put there by windowed runs, which don't move the cursor, and
 * by streams and pushes, which go by the clock. A windowed run must not take a key back before any of them; an incremental one not
 * before a window, because the change feed does not name the keys of a window (it does name what streams and pushes wrote).
 */
export interface OnlineEnds {
  readonly window: Date | undefined;
  readonly live: Date | undefined;
}

const noteNames = { window: 'window-end', live: 'live-end' } as const;

export async function readOnlineEnds(online: OnlineStore, view: string): Promise<OnlineEnds> {
  const read = async (name: string): Promise<Date | undefined> => {
    const text = await online.getNote(view, name);
    return text === undefined ? undefined : new Date(text);
  };
  return { window: await read(noteNames.window), live: await read(noteNames.live) };
}

/** Notes an end before rows up to it are written. */
export const writeOnlineEnd = (
  online: OnlineStore,
  view: string,
  kind: keyof typeof noteNames,
  end: Date,
): Promise<void> => online.setNote(view, noteNames[kind], end.toISOString());

/** Event times up to which a row counts as having happened; later ones stay history until due. */
export const dueNow = (): Date => new Date(Date.now() + limits.allowedClockSkewMs);

export const latest = (...dates: readonly (Date | undefined)[]): Date =>
  new Date(Math.max(...dates.map((date) => date?.getTime() ?? Number.NEGATIVE_INFINITY)));

/** Keeps the live end ahead of what a stream or a push writes. Others of the same view write theirs. */
export class LiveEnd {
  readonly #online: OnlineStore;
  readonly #view: string;

  constructor(online: OnlineStore, view: string) {
    this.#online = online;
    this.#view = view;
  }

  /** @param eventUs the newest event time about to be written, microseconds. */
  async cover(eventUs: bigint): Promise<void> {
    const wanted = new Date(Number(eventUs / 1_000n) + 1);
    // Read each time: whoever wrote at the same moment may have put it back by some milliseconds.
    const { live } = await readOnlineEnds(this.#online, this.#view);
    if (live !== undefined && live >= wanted) return;
    await writeOnlineEnd(this.#online, this.#view, 'live', latest(live, dueNow(), wanted));
  }
}
