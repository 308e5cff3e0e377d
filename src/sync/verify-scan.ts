import { limits } from '../config.js';
import type { FeatureTable } from '../definitions/feature-table.js';
import type { OnlineStore } from '../online-store/online-store.js';
import { isTombstone } from '../online-store/row-header.js';

/** The keys of a view's online rows, tombstones left out, a chunk at a time. */
export async function* onlineKeys(
  online: OnlineStore,
  table: FeatureTable,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array[]> {
  let chunk: Uint8Array[] = [];
  for await (const { key, row } of online.scan(table)) {
    if (isTombstone(row)) continue;
    chunk.push(key);
    if (chunk.length < limits.onlineWriteChunkRows) continue;
    signal?.throwIfAborted();
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}

/** Picks keys by a hash of theirs: the same ones for the same seed, in whatever order they come. Holds at most twice as many. */
export class KeySample {
  readonly #size: number;
  readonly #seed: number;
  #kept: { hash: number; key: Uint8Array }[] = [];
  #highest = Number.POSITIVE_INFINITY;

  constructor(size: number, seed: number) {
    this.#size = size;
    this.#seed = seed;
  }

  offer(key: Uint8Array): void {
    const hash = seededHash(key, this.#seed);
    if (hash > this.#highest) return;
    this.#kept.push({ hash, key: Uint8Array.from(key) });
    if (this.#kept.length >= this.#size * 2) this.#cut();
  }

  keys(): Uint8Array[] {
    this.#cut();
    return this.#kept.map(({ key }) => key);
  }

  #cut(): void {
    // A store may name a key twice while it is being changed.
    const ordered = this.#kept.sort((a, b) => a.hash - b.hash || Buffer.compare(a.key, b.key));
    this.#kept = ordered
      .filter(({ key }, index) => index === 0 || Buffer.compare(key, ordered[index - 1]?.key as Uint8Array) !== 0)
      .slice(0, this.#size);
    if (this.#kept.length === this.#size) this.#highest = this.#kept.at(-1)?.hash as number;
  }
}

/** FNV-1a with a finisher, so that keys that differ little are far apart. 32 bits. */
function seededHash(bytes: Uint8Array, seed: number): number {
  let hash = (0x811c9dc5 ^ Math.imul(seed | 0, 0x9e3779b1)) >>> 0;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
