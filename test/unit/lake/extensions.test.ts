import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { duckdbExtensionFile } from '../../../src/config.js';
import { openDuckDB } from '../../../src/lake/extensions.js';

const extension = 'sqlite_scanner';

describe('the extensions of a database', () => {
  let cache: string;
  let file: string;
  beforeEach(() => {
    cache = mkdtempSync(path.join(os.tmpdir(), 'asof-extensions-'));
    const installed = duckdbExtensionFile(extension);
    vi.stubEnv('ASOF_CACHE_DIR', cache);
    file = duckdbExtensionFile(extension);
    mkdirSync(path.dirname(file), { recursive: true });
    copyFileSync(installed, file);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(cache, { recursive: true, force: true });
  });

  /** Opens a database, and tells what it has loaded and whether it would load what nobody signed. */
  async function look(): Promise<unknown> {
    const { instance, connection } = await openDuckDB({}, [extension]);
    try {
      const found = await connection.runAndReadAll(
        `SELECT loaded, current_setting('allow_unsigned_extensions') AS unsigned FROM duckdb_extensions() WHERE extension_name = '${extension}'`,
      );
      return found.getRowObjectsJS()[0];
    } finally {
      connection.closeSync();
      instance.closeSync();
    }
  }
  /** Puts a file in its place, as whoever replaces it would: this process has the old one loaded. */
  function replace(bytes: Buffer): void {
    writeFileSync(`${file}.new`, bytes);
    renameSync(`${file}.new`, file);
  }

  it('are there in every database, and none takes what nobody signed', async () => {
    for (let time = 0; time < 3; time += 1) expect(await look()).toEqual({ loaded: true, unsigned: false });
  });

  it('are refused when the file was changed, before and after it was loaded once', async () => {
    const refused = /the DuckDB extension "sqlite_scanner" can't be loaded: .*signature/s;
    const signed = readFileSync(file);
    const unsigned = Buffer.from(signed);
    const middle = Math.floor(unsigned.length / 2);
    unsigned[middle] = (unsigned[middle] ?? 0) ^ 1;
    replace(unsigned);
    await expect(look()).rejects.toThrow(refused);
    replace(signed);
    expect(await look()).toMatchObject({ loaded: true });
    expect(await look()).toMatchObject({ loaded: true });
    replace(unsigned);
    await expect(look()).rejects.toThrow(refused);
  });
});
