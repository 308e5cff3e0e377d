import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '../config.js';
import type { FeatureTable } from '../definitions/feature-table.js';
import { AsofError } from '../errors.js';
import { entityKey } from '../online-store/entity-key.js';
import { entityKeyValues } from '../online-store/entity-key-values.js';
import type { OnlineStore } from '../online-store/online-store.js';
import { encodeTombstone } from '../online-store/row-codec.js';
import type { ForgottenKey } from './key.js';
import type { ViewKeys } from './lake-tables.js';

/** Packed keys by view. */
export type OnlineKeys = ReadonlyMap<string, readonly Uint8Array[]>;

/**
 * The packed keys of the entities in each view: of a key with all join keys, its own; of one with some of them, those that are
 * stored.
 * @param views every generation of every view. @param tables of the views as they are now.
 */
export async function onlineKeys(
  online: OnlineStore,
  keys: readonly ForgottenKey[],
  views: readonly ViewKeys[],
  tables: readonly Pick<FeatureTable, 'view' | 'joinKeys'>[],
): Promise<OnlineKeys> {
  const found = new Map<string, Map<string, Uint8Array>>();
  const namesNow = new Map(tables.map(({ view, joinKeys }) => [view, String(Object.keys(joinKeys))]));
  for (const view of views) {
    const of = found.get(view.view) ?? new Map<string, Uint8Array>();
    found.set(view.view, of);
    const add = (key: Uint8Array): unknown => of.set(Buffer.from(key).toString('hex'), Uint8Array.from(key));
    const names = Object.keys(view.joinKeys);
    for (const key of keys) {
      if (!key.every(({ name }) => names.includes(name))) continue;
      // Under the same packed key another entity may be stored by now, where join keys of before were called otherwise.
      const isNow = String(names) === (namesNow.get(view.view) ?? String(names));
      if (key.length === names.length && isNow) for (const packed of packedKeys(view, key)) add(packed);
      else {
        for await (const { key: stored } of online.scan({ ...view, ttlMs: 0 }))
          if (isMeant(view, stored, key)) add(stored);
      }
    }
  }
  return new Map([...found].map(([view, of]) => [view, [...of.values()]]));
}

/** Each form of each join key's value with each of the others; those that are none of the view's types are left out. */
function packedKeys({ joinKeys }: ViewKeys, key: ForgottenKey): Uint8Array[] {
  const forms = key.reduce<Record<string, unknown>[]>(
    (made, { name, values, texts }) =>
      made.flatMap((form) =>
        [...values, ...(joinKeys[name]?.kind === 'string' ? texts : [])].map((value) => ({ ...form, [name]: value })),
      ),
    [{}],
  );
  return forms.flatMap((form) => {
    try {
      return [entityKey(joinKeys, form)];
    } catch (error) {
      if (error instanceof AsofError) return [];
      throw error;
    }
  });
}

function isMeant({ joinKeys }: ViewKeys, stored: Uint8Array, key: ForgottenKey): boolean {
  try {
    const values = entityKeyValues(joinKeys, stored);
    const names = Object.keys(joinKeys);
    return key.every(({ name, texts, values: wanted }) => {
      const value = values[names.indexOf(name)];
      return (
        texts.includes(String(value)) ||
        wanted.some((one) =>
          one instanceof Date
            ? BigInt(one.getTime()) * 1_000n === value
            : one instanceof Uint8Array && value instanceof Uint8Array && Buffer.from(one).equals(value),
        )
      );
    });
  } catch (error) {
    if (error instanceof AsofError) return false;
    throw error;
  }
}

/** Takes the keys' rows away and leaves tombstones, so that no late write brings them back. @returns rows that were there. */
export async function removeOnline(
  online: OnlineStore,
  keys: OnlineKeys,
  tables: readonly { readonly view: string; readonly generation: number; readonly ttlMs: number }[],
  snapshot: number,
): Promise<number> {
  let removed = 0;
  for (const table of tables) {
    const row = encodeTombstone({ generation: table.generation, snapshot });
    const entries = (keys.get(table.view) ?? []).map((key) => ({ key, row }));
    if (entries.length > 0) removed += (await online.replace(table, entries, snapshot)).deleted;
  }
  return removed;
}

export interface OnlineTraces {
  readonly stored: number;
  readonly remains: number;
  readonly bytes: number;
}

export async function onlineTraces(online: OnlineStore, keys: OnlineKeys): Promise<OnlineTraces> {
  const total = { stored: 0, remains: 0, bytes: 0 };
  for (const [view, of] of keys) {
    if (of.length === 0) continue;
    const { stored, remains, bytes } = await online.traces(view, of);
    total.stored += stored;
    total.remains += remains;
    total.bytes = Math.max(total.bytes, bytes);
  }
  return total;
}

/**
 * Waits until a stream's consumer has written online what it committed before a deletion: it can't bring a key back any more.
 * @returns false when that takes too long.
 */
export async function isDrained(isBehind: () => Promise<boolean>, signal?: AbortSignal): Promise<boolean> {
  const giveUpAt = Date.now() + limits.forgetDrainMaxMs;
  while (await isBehind()) {
    if (Date.now() > giveUpAt) return false;
    await sleep(250, undefined, { signal });
  }
  return true;
}
