import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { duckdbExtensionFile, duckdbVersion } from '../../../src/config.js';
import { duckdbExtensions, ensureDuckdbExtensions, findDuckdbExtensions } from '../../../src/toolchain/index.js';
import { FakeMachine } from './fake-programs.js';

let machine: FakeMachine;
let messages: string[];
const report = ({ message }: { message: string }) => messages.push(message);
const ensure = () => ensureDuckdbExtensions({ report, env: machine.env });
/** The real files of this machine, found or fetched before the first test. */
const real: Record<string, string> = {};

beforeAll(async () => {
  for (const { name, path: file } of await findDuckdbExtensions()) real[name] = file;
});

const home = process.env['HOME'];
beforeEach(() => {
  machine = new FakeMachine();
  messages = [];
  // DuckDB itself asks the process for its home, under which it keeps what it installs.
  process.env['HOME'] = machine.env['HOME'];
});
afterEach(() => {
  process.env['HOME'] = home;
  machine.remove();
});

/** pip that brings wheels with the real files, or with `content`. */
function pip(content?: string): void {
  const from = path.join(machine.root, 'real');
  mkdirSync(from);
  for (const name of duckdbExtensions) {
    const file = path.join(from, `${name}.duckdb_extension`);
    if (content === undefined) cpSync(real[name] ?? '', file);
    else writeFileSync(file, content);
  }
  machine.program(
    'python3',
    [
      'if [ "$2" = pip ]; then',
      `  echo "$@" >> ${machine.root}/pip-calls`,
      '  for word; do [ "$previous" = -d ] && folder="$word"; previous="$word"; done',
      '  echo wheel > "$folder/extension.whl"; exit 0',
      'fi',
      'mkdir -p "$5/package/extensions"',
      `cp ${from}/* "$5/package/extensions"`,
    ].join('\n'),
  );
}

describe('getting the DuckDB extensions', () => {
  test('from wheels where INSTALL has nowhere to go, and from the cache afterwards', async () => {
    expect(await findDuckdbExtensions(machine.env)).toEqual([]);
    pip();
    const fetched = await ensure();
    expect(fetched).toEqual(
      duckdbExtensions.map((name) => ({ name, path: duckdbExtensionFile(name, machine.env), from: 'wheel' })),
    );
    expect(machine.lines('pip-calls')).toEqual([
      expect.stringMatching(/ duckdb-extension-ducklake==1\.5\.5$/),
      expect.stringMatching(/ duckdb-extension-sqlite-scanner==1\.5\.5$/),
      expect.stringMatching(/ duckdb-extension-postgres-scanner==1\.5\.5$/),
    ]);
    expect(readdirSync(machine.cache)).toEqual([`duckdb-${duckdbVersion}`]);

    messages = [];
    expect(await ensure()).toEqual(fetched.map((extension) => ({ ...extension, from: 'cache' })));
    expect(await findDuckdbExtensions(machine.env)).toHaveLength(duckdbExtensions.length);
    expect(messages).toEqual([]);
  });

  test("by DuckDB's own INSTALL where its repository is reachable, and found where DuckDB keeps them", async () => {
    const repository = machine.folder('repository');
    machine.env['ASOF_DUCKDB_EXTENSION_REPOSITORY'] = repository;
    const folder = path.join(repository, `v${duckdbVersion}`, await platform());
    mkdirSync(folder, { recursive: true });
    for (const name of duckdbExtensions) cpSync(real[name] ?? '', path.join(folder, `${name}.duckdb_extension`));

    const installed = await ensure();
    expect(installed.map(({ name, from }) => [name, from])).toEqual(duckdbExtensions.map((name) => [name, 'install']));
    for (const { path: file } of installed) expect(file.startsWith(machine.env['HOME'] ?? '?')).toBe(true);
    expect((await findDuckdbExtensions(machine.env)).map(({ from }) => from)).toEqual(
      duckdbExtensions.map(() => 'duckdb'),
    );
    expect(existsSync(machine.cache) ? readdirSync(machine.cache) : []).toEqual([]);
  });

  test('several at once fetch each extension once', async () => {
    pip();
    const [first, second] = await Promise.all([ensure(), ensure()]);
    expect(first?.map(({ path: file }) => file)).toEqual(second?.map(({ path: file }) => file));
    expect(machine.lines('pip-calls')).toHaveLength(duckdbExtensions.length);
  });

  test('a wheel whose file DuckDB refuses is not kept', async () => {
    pip('not an extension');
    await expect(ensure()).rejects.toThrow(/wheel: DuckDB does not load what the wheel holds/);
    expect(readdirSync(machine.cache)).toEqual([]);
  });

  test('without Python every way and its failure is named', async () => {
    await expect(ensure()).rejects.toMatchObject({
      name: 'StoreUnavailableError',
      message: expect.stringMatching(
        /no DuckDB extension "ducklake":\n {2}- INSTALL: .+\n {2}- wheel: neither python3 nor/,
      ),
      mend: expect.stringContaining(duckdbExtensionFile('ducklake', machine.env)),
    });
  });

  test('pip that can not download is named with what it said', async () => {
    machine.program('python3', 'echo "No matching distribution found" >&2; exit 1');
    machine.program('pip3', 'echo "certificate expired" >&2; exit 2');
    await expect(ensure()).rejects.toThrow(
      /python3 -m pip download .*: it ended with code 1: No matching distribution found; pip3 download .*code 2: certificate expired/,
    );
  });
});

/** DuckDB's name of this platform, as it is part of where it looks for extensions. */
async function platform(): Promise<string> {
  const { Lake } = await import('../../../src/lake/index.js');
  process.env['HOME'] = home;
  const lake = await Lake.open({ stateDir: machine.folder('state'), project: 'test' });
  try {
    return (await lake.one<{ platform: string }>('PRAGMA platform'))?.platform ?? '';
  } finally {
    lake.close();
    process.env['HOME'] = machine.env['HOME'];
  }
}
