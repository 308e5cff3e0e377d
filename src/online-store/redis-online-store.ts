import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { limits } from '../config.js';
import { DefinitionError } from '../errors.js';
import type { OnlineEntry, OnlineStore, OnlineTable, ReplaceReport, WriteReport } from './online-store.js';
import { type RedisCommand, scriptCommand } from './redis-commands.js';
import { RedisConnection } from './redis-connection.js';
import { projectPattern, type RedisViewKeys, redisViewKeys, tagOf, tagOfStorageKey } from './redis-keys.js';
import { addUp, packedRows, parts, rowScripts, slices } from './redis-rows.js';
import { type RedisScript, replaceScript, sweepScript, writeNewerScript } from './redis-scripts.js';
import { parseInfo } from './redis-server.js';
import { type RedisTarget, redisTarget } from './redis-settings.js';
import { encodeTombstone } from './row-codec.js';
import { generationOf, isTombstone, withReflects } from './row-header.js';

/**
 * The engine of production: one Redis server, a Cluster, or the master that sentinels name. Each row is a string of its own that
 * expires by itself (redis-keys.ts has the layout); the rules are kept by scripts inside Redis. Reads and writes have a connection
 * each, so that a request does not wait behind a batch. Nothing is connected before the first operation.
 *
 * A resolved write is in the memory of the master. What a restart or a failover loses of it is noticed by the marks and `servers`,
 * and written again by the next materialize.
 */
export function openRedisOnlineStore({ target, project }: { target: RedisTarget; project: string }): OnlineStore {
  return new RedisOnlineStore(target, project);
}

export { redisTarget };

class RedisOnlineStore implements OnlineStore {
  readonly #project: string;
  readonly #reader: RedisConnection;
  readonly #writer: RedisConnection;
  readonly #views = new Map<string, RedisViewKeys>();

  constructor(target: RedisTarget, project: string) {
    this.#project = checkedName('project', project);
    this.#reader = new RedisConnection(target, {
      writes: false,
      timeoutMs: target.readTimeoutMs,
      timeoutMend: 'see what keeps the server or the network busy; onlineStore.readTimeout allows for more time',
    });
    this.#writer = new RedisConnection(target, {
      writes: true,
      timeoutMs: limits.redisWriteTimeoutMs,
      timeoutMend: 'see what keeps the server or the network busy; it is tried again',
    });
  }

  async read(
    lookups: readonly { table: OnlineTable; keys: readonly Uint8Array[] }[],
  ): Promise<(Uint8Array | undefined)[][]> {
    const tags: number[] = [];
    const wanted: Buffer[] = [];
    for (const { table, keys } of lookups) {
      const view = this.#view(table.view);
      for (const key of keys) {
        const tag = tagOf(key);
        tags.push(tag);
        wanted.push(view.row(key, tag));
      }
    }
    const stored = await this.#get(this.#reader, wanted, tags);
    let at = 0;
    return lookups.map(({ table, keys }) =>
      keys.map(() => {
        const row = stored[at++];
        return row == null || isTombstone(row) || generationOf(row) !== table.generation ? undefined : row;
      }),
    );
  }

  async writeNewer(table: OnlineTable, entries: readonly OnlineEntry[]): Promise<WriteReport> {
    const unknown = entries.map(({ key, row }) => ({ key, row: withReflects(row, 0) }));
    const [written = 0, stale = 0] = await this.#write(table, unknown, writeNewerScript, 0);
    return { written, stale };
  }

  async replace(table: OnlineTable, entries: readonly OnlineEntry[], snapshot: number): Promise<ReplaceReport> {
    const confirmed = entries.map(({ key, row }) => ({ key, row: withReflects(row, snapshot) }));
    const [written = 0, deleted = 0, left = 0] = await this.#write(table, confirmed, replaceScript, snapshot);
    return { written, deleted, left };
  }

  async sweep(table: OnlineTable, snapshot: number): Promise<{ deleted: number }> {
    const tombstone = packedRows([encodeTombstone({ generation: table.generation, snapshot })]);
    const args = [...scriptArguments(table, snapshot), tombstone];
    const total = [0];
    await this.#eachPage(this.#view(table.view).rowPattern, async (keys) => {
      const sweep = (tag: number, own: Buffer[]): RedisCommand => scriptCommand(sweepScript, tag, own, args);
      addUp(total, await this.#onKeys(keys, limits.redisScriptRows, sweep));
    });
    return { deleted: total[0] as number };
  }

  async *scan(table: OnlineTable): AsyncIterable<OnlineEntry> {
    const view = this.#view(table.view);
    for (const node of await this.#writer.masters()) {
      let cursor = '0';
      do {
        const page = await this.#page(node, view.rowPattern, cursor);
        const rows = await this.#get(this.#writer, page.keys, page.keys.map(tagOfStorageKey));
        for (const [index, row] of rows.entries()) {
          if (row == null || generationOf(row) !== table.generation) continue;
          yield { key: view.entityKey(page.keys[index] as Buffer), row };
        }
        cursor = page.cursor;
      } while (cursor !== '0');
    }
  }

  async getNote(view: string, name: string): Promise<string | undefined> {
    const { key, tag } = this.#view(view).notes;
    const [text] = await this.#writer.send([{ tag, name: 'hget', args: [key, name] }]);
    return textOf(text);
  }

  async setNote(view: string, name: string, text: string): Promise<void> {
    const { key, tag } = this.#view(view).notes;
    await this.#writer.send([{ tag, name: 'hset', args: [key, name, text] }]);
  }

  async getMark(view: string, name: string): Promise<string | undefined> {
    const { marks } = this.#view(view);
    const replies = await this.#writer.send(marks.map((key, tag) => ({ tag, name: 'hget', args: [key, name] })));
    const texts = replies.map(textOf);
    return texts.every((text) => text === texts[0]) ? texts[0] : undefined;
  }

  async setMark(view: string, name: string, text: string): Promise<void> {
    const { marks } = this.#view(view);
    await this.#writer.send(marks.map((key, tag) => ({ tag, name: 'hset', args: [key, name, text] })));
  }

  async servers(): Promise<string> {
    const texts = await this.#writer.onMasters((node) => node.info());
    const ids = texts.map((text) => {
      const info = parseInfo(text);
      return `${info.get('run_id')} ${info.get('master_replid')}`;
    });
    return createHash('sha256').update(ids.sort().join('\n')).digest('hex').slice(0, 16);
  }

  async erase(view: string, keys: readonly Uint8Array[]): Promise<void> {
    await this.#onKeys(this.#rowKeys(view, keys), limits.redisKeysPerCommand, (tag, own) => ({
      tag,
      name: 'del',
      args: own,
    }));
  }

  /** Its files are the server's: what it keeps of them until it next writes them anew is not seen from here. */
  async traces(view: string, keys: readonly Uint8Array[]): Promise<{ stored: number; remains: number; bytes: number }> {
    const counts = await this.#onKeys(this.#rowKeys(view, keys), limits.redisKeysPerCommand, (tag, own) => ({
      tag,
      name: 'exists',
      args: own,
    }));
    return { stored: counts.reduce((sum: number, count) => sum + Number(count), 0), remains: 0, bytes: 0 };
  }

  async dropView(name: string): Promise<void> {
    const view = this.#view(name);
    // First what says that rows are there: a drop that breaks off leaves rows that nobody builds on.
    const unlink = (key: string, tag: number): RedisCommand => ({ tag, name: 'unlink', args: [key] });
    await this.#writer.send([...view.marks.map(unlink), unlink(view.notes.key, view.notes.tag)]);
    await this.#unlinkAll(view.rowPattern);
  }

  async dropProject(): Promise<void> {
    await this.#unlinkAll(projectPattern(this.#project));
  }

  async close(): Promise<void> {
    this.#reader.close();
    this.#writer.close();
  }

  #view(name: string): RedisViewKeys {
    let keys = this.#views.get(name);
    if (keys === undefined) {
      keys = redisViewKeys(this.#project, checkedName('view', name));
      this.#views.set(name, keys);
    }
    return keys;
  }

  #rowKeys(name: string, keys: readonly Uint8Array[]): Buffer[] {
    const view = this.#view(name);
    return keys.map((key) => view.row(key, tagOf(key)));
  }

  /** Values in the order asked. */
  async #get(
    connection: RedisConnection,
    wanted: readonly Buffer[],
    tags: readonly number[],
  ): Promise<(Buffer | null)[]> {
    const cut = slices(tags, connection.isCluster, limits.redisKeysPerCommand);
    const replies = await connection.send(
      cut.map(({ tag, indexes }) => ({ tag, name: 'mget', args: indexes.map((index) => wanted[index] as Buffer) })),
    );
    const values = new Array<Buffer | null>(wanted.length);
    for (const [position, { indexes }] of cut.entries()) {
      const reply = replies[position] as (Buffer | null)[];
      for (let at = 0; at < indexes.length; at += 1) values[indexes[at] as number] = reply[at] as Buffer | null;
    }
    return values;
  }

  async #write(
    table: OnlineTable,
    entries: readonly OnlineEntry[],
    script: RedisScript,
    snapshot: number,
  ): Promise<number[]> {
    const view = this.#view(table.view);
    const args = scriptArguments(table, snapshot);
    const total = [0, 0, 0];
    for (const part of parts(entries)) {
      addUp(total, await this.#writer.send(rowScripts(view, part, this.#writer.isCluster, { script, args })));
    }
    return total;
  }

  /** Sends commands that take some keys each. */
  #onKeys(
    keys: readonly Buffer[],
    most: number,
    command: (tag: number, own: Buffer[]) => RedisCommand,
  ): Promise<unknown[]> {
    const cut = slices(keys.map(tagOfStorageKey), this.#writer.isCluster, most);
    return this.#writer.send(
      cut.map(({ tag, indexes }) =>
        command(
          tag,
          indexes.map((index) => keys[index] as Buffer),
        ),
      ),
    );
  }

  /** Does something with all keys of a pattern, page by page, on all masters at the same time. */
  async #eachPage(pattern: string, work: (keys: readonly Buffer[]) => Promise<void>): Promise<void> {
    const ofNode = async (node: Redis): Promise<void> => {
      let page = await this.#page(node, pattern, '0');
      for (;;) {
        const { cursor, keys } = page;
        // The next page is on its way meanwhile.
        const [next] = await Promise.all([cursor === '0' ? undefined : this.#page(node, pattern, cursor), work(keys)]);
        if (next === undefined) return;
        page = next;
      }
    };
    await Promise.all((await this.#writer.masters()).map(ofNode));
  }

  /** Some keys of a pattern. One may come twice while keys are added and removed. */
  async #page(node: Redis, pattern: string, cursor: string): Promise<{ cursor: string; keys: Buffer[] }> {
    const step = ['MATCH', pattern, 'COUNT', String(limits.redisScanKeys)];
    const [next, keys] = await this.#writer.use(
      () => node.callBuffer('scan', cursor, ...step) as Promise<[Buffer, Buffer[]]>,
    );
    return { cursor: next.toString('latin1'), keys };
  }

  #unlinkAll(pattern: string): Promise<void> {
    return this.#eachPage(pattern, async (keys) => {
      await this.#onKeys(keys, limits.redisKeysPerCommand, (tag, own) => ({ tag, name: 'unlink', args: own }));
    });
  }
}

/** The first three arguments of every script. */
const scriptArguments = ({ ttlMs }: OnlineTable, snapshot: number): string[] => [
  String(ttlMs === 0 ? 0 : Math.ceil(ttlMs) + limits.onlineExpiryGraceMs),
  String(limits.onlineTombstoneMs),
  String(snapshot),
];

const textOf = (reply: unknown): string | undefined => (reply as Buffer | null)?.toString('utf8');

const checkedName = (what: string, name: string): string => {
  if (name !== '' && name.length <= 64 && !name.includes('\0')) return name;
  throw new DefinitionError(`${what} ${JSON.stringify(name)} is not a usable name`, {
    mend: 'use at most 63 letters, digits and underscores',
  });
};
