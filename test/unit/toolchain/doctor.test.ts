import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { duckdbExtensionFile } from '../../../src/config.js';
import { nodeCheck } from '../../../src/toolchain/doctor-tools.js';
import { type Check, type Diagnosis, diagnose } from '../../../src/toolchain/index.js';
import { FakeMachine } from './fake-programs.js';

let machine: FakeMachine;
const home = process.env['HOME'];
beforeEach(() => {
  machine = new FakeMachine();
  process.env['HOME'] = machine.env['HOME'];
});
afterEach(() => {
  process.env['HOME'] = home;
  machine.remove();
});

const look = (more: { stateDir?: string; repoDir?: string } = {}) =>
  diagnose({ stateDir: path.join(machine.root, 'project', '.asof'), env: machine.env, ...more });

function check(diagnosis: Diagnosis, name: string): Check {
  const found = diagnosis.checks.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no check "${name}"`);
  return found;
}

describe('diagnose', () => {
  test('a machine with nothing: each thing missing has its mend, and nothing is made', async () => {
    const diagnosis = await look();
    expect(diagnosis.ok).toBe(false);
    for (const name of ['Temporal CLI', 'DuckDB extension ducklake', 'DuckDB extension sqlite_scanner']) {
      expect(check(diagnosis, name)).toMatchObject({ ok: false, required: true });
    }
    for (const each of diagnosis.checks) if (!each.ok) expect(each.mend, each.name).toBeTruthy();
    expect(existsSync(machine.cache)).toBe(false);
    expect(existsSync(path.join(machine.root, 'project'))).toBe(false);
  });

  test('what can be fetched is missing, but nothing that keeps asof from running', async () => {
    machine.program('python3', 'echo "pip 24.0"');
    const diagnosis = await look();
    expect(check(diagnosis, 'Temporal CLI')).toMatchObject({ ok: false, required: false });
    expect(check(diagnosis, 'Temporal CLI').mend).toContain('asof doctor --install');
    expect(check(diagnosis, 'DuckDB extension ducklake')).toMatchObject({ ok: false, required: false });
    expect(diagnosis.ok).toBe(true);
  });

  test('Python without pip fetches nothing', async () => {
    machine.program('python3', 'echo "No module named pip" >&2; exit 1');
    const diagnosis = await look();
    expect(check(diagnosis, 'Python').ok).toBe(true);
    expect(check(diagnosis, 'pip').ok).toBe(false);
    expect(diagnosis.ok).toBe(false);
  });

  test('what is there is told with version and place', async () => {
    const cli = machine.temporal('temporal', '1.5.1 (Server 1.29.1)');
    expect(check(await look(), 'Temporal CLI')).toEqual({
      name: 'Temporal CLI',
      ok: true,
      required: true,
      found: 'from PATH',
      version: '1.5.1 (Server 1.29.1)',
      where: cli,
    });
  });

  test('ASOF_TEMPORAL_CLI that leads nowhere, and a damaged extension, are required to be mended', async () => {
    machine.program('python3', 'echo "pip 24.0"');
    machine.env['ASOF_TEMPORAL_CLI'] = '/nowhere/temporal';
    const file = duckdbExtensionFile('ducklake', machine.env);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, 'not an extension');
    const diagnosis = await look();
    expect(check(diagnosis, 'Temporal CLI')).toMatchObject({
      ok: false,
      required: true,
      found: expect.stringContaining('/nowhere/temporal'),
      mend: expect.stringContaining('unset it'),
    });
    expect(check(diagnosis, 'DuckDB extension ducklake')).toMatchObject({
      ok: false,
      required: true,
      where: file,
      mend: expect.stringContaining(`delete ${file}`),
    });
  });

  test('a server that is named must answer, no CLI is needed then, and no secret is shown', async () => {
    Object.assign(machine.env, { TEMPORAL_ADDRESS: '127.0.0.1:9', TEMPORAL_API_KEY: 'a-secret-key' });
    const diagnosis = await look();
    expect(check(diagnosis, 'Temporal server')).toMatchObject({
      ok: false,
      required: true,
      found: expect.stringContaining('does not answer'),
      where: '127.0.0.1:9',
    });
    expect(diagnosis.checks.map(({ name }) => name)).not.toContain('Temporal CLI');
    expect(JSON.stringify(diagnosis)).not.toContain('a-secret-key');
  });

  test('a state folder in the place of a file, and a repository that is not there', async () => {
    writeFileSync(path.join(machine.root, 'in-the-way'), '');
    const diagnosis = await look({ stateDir: path.join(machine.root, 'in-the-way'), repoDir: '/nowhere/feature_repo' });
    expect(check(diagnosis, 'state folder')).toMatchObject({ ok: false, required: true });
    expect(check(diagnosis, 'feature repository')).toMatchObject({
      ok: false,
      required: true,
      mend: expect.stringContaining('--repo'),
    });
  });

  test('threads: the default is too few while DuckDB works', async () => {
    expect(check(await look(), 'UV_THREADPOOL_SIZE')).toMatchObject({ ok: false, required: false });
    machine.env['UV_THREADPOOL_SIZE'] = '16';
    expect(check(await look(), 'UV_THREADPOOL_SIZE')).toMatchObject({ ok: true, found: '16 threads' });
  });
});

test.each([
  ['v18.20.0', false],
  ['v20.2.0', false],
  ['v20.3.0', true],
  ['v22.12.0', true],
  ['v24.0.0', true],
])('Node.js %s: %s', (version, ok) => {
  const found = nodeCheck(version);
  expect(found).toMatchObject({ ok, required: true, version });
  if (!ok) expect(found.mend).toContain('20, 22 or 24');
});
