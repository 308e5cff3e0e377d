import { limits } from '../config.js';
import type { OnlineEntry } from './online-store.js';
import { type RedisCommand, scriptCommand } from './redis-commands.js';
import { type RedisViewKeys, tagOf } from './redis-keys.js';
import type { RedisScript } from './redis-scripts.js';

/** Indexes of keys that one command takes, and their tag. */
export interface Slice {
  readonly tag: number;
  readonly indexes: readonly number[];
}

/**
 * Cuts keys into what one command each may take: on one server as they come, in a Cluster those of one tag, because a command may
 * touch keys of one slot only. Keys of one tag stay in the order given.
 * @param tags of the keys.
 */
export function slices(tags: readonly number[], cluster: boolean, most: number): Slice[] {
  if (!cluster && tags.length <= most) return tags.length === 0 ? [] : [{ tag: 0, indexes: [...tags.keys()] }];
  const groups = new Map<number, number[]>();
  for (const [index, tag] of tags.entries()) {
    const group = groups.get(cluster ? tag : 0);
    if (group === undefined) groups.set(cluster ? tag : 0, [index]);
    else group.push(index);
  }
  const all: Slice[] = [];
  for (const [tag, group] of groups) {
    for (let from = 0; from < group.length; from += most) all.push({ tag, indexes: group.slice(from, from + most) });
  }
  return all;
}

/** Cuts entries into parts of which each is sent and answered before the next. */
export function* parts(entries: readonly OnlineEntry[]): Generator<readonly OnlineEntry[]> {
  let start = 0;
  let bytes = 0;
  for (let index = 0; index < entries.length; index += 1) {
    const { key, row } = entries[index] as OnlineEntry;
    bytes += key.length + row.length;
    if (index + 1 - start < limits.onlineWriteChunkRows && bytes < limits.redisPipelineBytesMax) continue;
    yield entries.slice(start, index + 1);
    start = index + 1;
    bytes = 0;
  }
  if (start < entries.length) yield entries.slice(start);
}

/** @param args of the script, before the rows (see redis-scripts.ts). */
export function rowScripts(
  view: RedisViewKeys,
  entries: readonly OnlineEntry[],
  cluster: boolean,
  { script, args }: { script: RedisScript; args: readonly string[] },
): RedisCommand[] {
  const tags = entries.map(({ key }) => tagOf(key));
  return slices(tags, cluster, limits.redisScriptRows).map(({ tag, indexes }) => {
    const keys = indexes.map((index) => view.row((entries[index] as OnlineEntry).key, tags[index] as number));
    const rows = packedRows(indexes.map((index) => (entries[index] as OnlineEntry).row));
    return scriptCommand(script, tag, keys, [...args, rows]);
  });
}

/** Each row behind its length: one argument is much less work for the driver than one per row. */
export function packedRows(rows: readonly Uint8Array[]): Buffer {
  const packed = Buffer.allocUnsafe(rows.reduce((sum, row) => sum + 4 + row.length, 0));
  let at = 0;
  for (const row of rows) {
    at = packed.writeUInt32BE(row.length, at);
    packed.set(row, at);
    at += row.length;
  }
  return packed;
}

/** The numbers that scripts reply, added up. */
export function addUp(total: number[], replies: readonly unknown[]): void {
  for (const reply of replies as number[][]) {
    for (let index = 0; index < total.length; index += 1)
      total[index] = (total[index] as number) + (reply[index] as number);
  }
}
