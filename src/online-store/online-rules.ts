import { committedOf, compareTies, generationOf, isTombstone, reflectsOf, withReflects } from './row-header.js';

/**
 * The rules of online-store.ts for one key, pure: what to store, given what is stored. `undefined` = leave it as it is. Engines
 * call them (or do the same in a script) inside one atomic step.
 */

/** A row of a stream or a push. */
export function afterWrite(stored: Uint8Array | undefined, row: Uint8Array): Uint8Array | undefined {
  if (stored === undefined || generationOf(stored) < generationOf(row)) return withReflects(row, 0);
  if (generationOf(stored) > generationOf(row)) return undefined;
  const reflects = reflectsOf(stored);
  if (committedOf(row) <= reflects) return undefined;
  if (!isTombstone(stored) && compareTies(row, stored) <= 0) return undefined;
  return withReflects(row, reflects);
}

/** What a materialize run at `snapshot` found for the key: its newest row, or a tombstone. */
export function afterReplace(
  stored: Uint8Array | undefined,
  row: Uint8Array,
  snapshot: number,
): Uint8Array | undefined {
  if (stored === undefined || generationOf(stored) < generationOf(row)) return withReflects(row, snapshot);
  if (generationOf(stored) > generationOf(row)) return undefined;
  if (committedOf(stored) > snapshot || reflectsOf(stored) > snapshot) return undefined;
  return withReflects(row, snapshot);
}

/** Whether a full run of a generation at `snapshot` turns the stored row into a tombstone. */
export function isSwept(stored: Uint8Array, generation: number, snapshot: number): boolean {
  return generationOf(stored) <= generation && reflectsOf(stored) < snapshot && committedOf(stored) <= snapshot;
}
