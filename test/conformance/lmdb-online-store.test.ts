import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataError, DefinitionError, StoreUnavailableError } from '../../src/errors.js';
import { entityKey } from '../../src/online-store/entity-key.js';
import { openLmdbOnlineStore } from '../../src/online-store/lmdb-online-store.js';
import type { OnlineStore } from '../../src/online-store/online-store.js';
import { decodeValues, encodeRow, eventUsOf } from '../../src/online-store/row-codec.js';
import { storedSchema } from '../../src/online-store/stored-schema.js';
import { int64 } from '../../src/types.js';
import { builtProgram } from '../support/build.js';
import { onlineStoreConformance } from './online-store.js';

onlineStoreConformance('LMDB', async () => {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'asof-online-'));
  return {
    store: async (project = 'test') => openLmdbOnlineStore({ directory, project }),
    close: async () => rmSync(directory, { recursive: true, force: true }),
  };
});

const table = { view: 'driver_stats', generation: 1, ttlMs: 0 };
const schema = storedSchema({ trips: int64() });
const key = (driver: number) => entityKey({ driver_id: int64() }, { driver_id: driver });
const entry = (driver: number, event: number) => ({
  key: key(driver),
  row: encodeRow({
    generation: 1,
    committed: 1,
    reflects: 0,
    eventUs: BigInt(event),
    createdUs: null,
    ingestUs: 0n,
    position: 0,
    schema,
    values: [event],
  }),
});
const ids = Array.from({ length: 50 }, (_, id) => id);

describe('LMDB and other processes', () => {
  let directory: string;
  let store: OnlineStore;
  const children: ChildProcess[] = [];

  const script = builtProgram('test/conformance/lmdb-online-store-child.ts');
  const command = (mode: string, count: number) => [script, directory, mode, String(count)];
  const start = (mode: string, count = 0) => {
    const child = spawn(process.execPath, command(mode, count), {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    children.push(child);
    return {
      child,
      exit: once(child, 'exit'),
      lines: createInterface({ input: child.stdout })[Symbol.asyncIterator](),
    };
  };
  const values = async (drivers: readonly number[], from = store) => {
    const [found = []] = await from.read([{ table, keys: drivers.map(key) }]);
    return found.map((row) => row && decodeValues(row, schema)[0]);
  };

  beforeEach(() => {
    directory = mkdtempSync(path.join(os.tmpdir(), 'asof-online-'));
    store = openLmdbOnlineStore({ directory, project: 'test' });
  });
  afterEach(async () => {
    for (const child of children.splice(0)) {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
    }
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it('sees what another process wrote, also when the file outgrew its map, and writes on', async () => {
    await store.writeNewer(table, [entry(1_000_000, 9)]);
    const { child, exit, lines } = start('fill', 30_000);
    expect(JSON.parse((await lines.next()).value)).toEqual({ written: 30_000, deleted: 0, left: 0 });
    expect(await values([0, 14_999, 29_999, 30_000, 1_000_000])).toEqual([1, 1, 1, undefined, 9]);
    expect(await store.writeNewer(table, [{ ...entry(29_999, 5) }])).toEqual({ written: 0, stale: 1 });
    const more = Array.from({ length: 30_000 }, (_, id) => entry(40_000 + id, 3));
    expect((await store.writeNewer(table, more)).written).toBe(30_000);
    child.stdin.end();
    expect(await exit).toEqual([0, null]);
    expect(await values([69_999, 0])).toEqual([3, 1]);
  });

  it('sees at once what another process wrote since the last read, without a turn of the event loop between', async () => {
    expect(await values([3])).toEqual([undefined]);
    const { status } = spawnSync(process.execPath, command('fill', 10), {
      input: '',
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    expect(status).toBe(0);
    expect(await values([3])).toEqual([1]);
  });

  it('ends with the newest row of every key when two processes write them at once', async () => {
    const last = 401;
    const { exit, lines } = start('stream', last);
    await lines.next();
    let written = 0;
    for (let event = 2; event < last; event += 2)
      written += (
        await store.writeNewer(
          table,
          ids.map((id) => entry(id, event)),
        )
      ).written;
    expect(await exit).toEqual([0, null]);
    expect(written).toBeGreaterThan(0);
    expect(await values(ids)).toEqual(ids.map(() => last));
  });

  it('keeps every resolved write of a process that was killed, and does not wait for its lock', async () => {
    const { child, exit, lines } = start('forever');
    let acknowledged = 0;
    while (acknowledged < 40) acknowledged = Number((await lines.next()).value);
    child.kill('SIGKILL');
    expect(await exit).toEqual([null, 'SIGKILL']);
    for (let line = await lines.next(); line.done !== true; line = await lines.next())
      acknowledged = Number(line.value);
    const [found = []] = await store.read([{ table, keys: ids.map(key) }]);
    const events = new Set(found.map((row) => Number(eventUsOf(row as Uint8Array))));
    expect(events.size, 'one call of one chunk is all there or not at all').toBe(1);
    expect([...events][0]).toBeGreaterThanOrEqual(acknowledged);
    expect(Number(await store.getNote('driver_stats', 'round'))).toBeGreaterThanOrEqual(acknowledged);
    expect((await store.writeNewer(table, [entry(1, 1_000_000)])).written).toBe(1);
  });
});

describe('LMDB and bad input', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(path.join(os.tmpdir(), 'asof-online-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const failure = (work: () => unknown): unknown => {
    try {
      work();
    } catch (error) {
      return error;
    }
    return undefined;
  };

  it('names the folder and the mend when it can not be a folder', () => {
    const file = path.join(directory, 'taken');
    writeFileSync(file, 'mine');
    for (const folder of [file, path.join(file, 'below')]) {
      const error = failure(() => openLmdbOnlineStore({ directory: folder, project: 'test' }));
      expect(error).toBeInstanceOf(StoreUnavailableError);
      expect(error).toMatchObject({ where: `online store ${folder}`, mend: expect.stringContaining('may write to') });
    }
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });

  it('says so when it may not write', () => {
    const locked = path.join(directory, 'locked');
    mkdirSync(locked, { mode: 0o500 });
    // Permissions don't bind root, but nobody may make a folder here.
    const folder = process.getuid?.() === 0 ? '/sys/asof' : locked;
    const error = failure(() => openLmdbOnlineStore({ directory: folder, project: 'test' }));
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(error).toMatchObject({ mend: expect.stringContaining('may write to') });
  });

  it.each([
    ['garbage', Buffer.alloc(64 * 1024, 'not a database ')],
    ['a few bytes', Buffer.from('no')],
  ])('does not touch a file that is no LMDB database: %s', (_, content) => {
    const file = path.join(directory, 'data.mdb');
    writeFileSync(file, content);
    const error = failure(() => openLmdbOnlineStore({ directory, project: 'test' }));
    expect(error).toBeInstanceOf(DataError);
    expect(error).toMatchObject({ mend: expect.stringContaining('materialize --full') });
    expect(readFileSync(file).equals(content)).toBe(true);
  });

  it.each(['data.mdb', 'lock.mdb'])('says so when %s is a folder', (name) => {
    mkdirSync(path.join(directory, name));
    const error = failure(() => openLmdbOnlineStore({ directory, project: 'test' }));
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(error).toMatchObject({ mend: expect.stringContaining(name) });
  });

  it('makes the folder when it is not there, and refuses names that could reach into others', async () => {
    const folder = path.join(directory, 'a', 'b');
    const store = openLmdbOnlineStore({ directory: folder, project: 'test' });
    expect(existsSync(path.join(folder, 'data.mdb'))).toBe(true);
    await expect(store.dropView('')).rejects.toBeInstanceOf(DefinitionError);
    await expect(store.getNote('a\0b', 'x')).rejects.toBeInstanceOf(DefinitionError);
    expect(failure(() => openLmdbOnlineStore({ directory: folder, project: 'a\0b' }))).toBeInstanceOf(DefinitionError);
    await store.close();
  });
});
