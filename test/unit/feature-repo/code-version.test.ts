import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addressOf } from '../../../src/feature-repo/code-version.js';
import { type CodeVersion, codeVersion, describeCode } from '../../../src/feature-repo/index.js';

let root: string;
let project: { repoDir: string; projectRoot: string };
const write = (name: string, text: string): void => writeFileSync(path.join(project.projectRoot, name), text);
const git = (...args: string[]): string =>
  execFileSync('git', ['-C', root, '-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args], {
    encoding: 'utf8',
  }).trim();

beforeEach(() => {
  root = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'asof-code-')));
  project = { repoDir: path.join(root, 'ml', 'feature_repo'), projectRoot: path.join(root, 'ml') };
  for (const folder of ['feature_repo', 'workflows', 'data'])
    mkdirSync(path.join(root, 'ml', folder), { recursive: true });
  write('feature_repo/a.ts', "import { b } from '../shared.js';\nexport const a = b;\n");
  write('shared.ts', 'export const b = 1;\n');
  write('workflows/w.ts', 'export const w = 1;\n');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const now = (): Promise<CodeVersion> => codeVersion(project, {});

describe('the version of a project’s code', () => {
  it('is a hash of its files where there is no git work tree', async () => {
    const before = await now();
    expect(before).toEqual({ hash: expect.stringMatching(/^[0-9a-f]{16}$/) });
    expect(describeCode(before)).toBe(`files ${before.hash.slice(0, 8)}`);
    write('data/x.csv', '1');
    expect(await now()).toEqual(before);
    for (const file of ['shared.ts', 'workflows/w.ts', 'feature_repo/a.ts']) {
      const known = await now();
      write(file, `export const a = 2; // ${file}\n`);
      expect((await now()).hash).not.toBe(known.hash);
    }
  });

  it('names the commit, and whether the files differ from it', async () => {
    git('init', '-q', '-b', 'main');
    // Nothing is committed yet.
    expect(await now()).toEqual({ hash: expect.any(String) });
    git('add', '-A');
    git('commit', '-q', '-m', 'one');
    const commit = git('rev-parse', 'HEAD');
    expect(await now()).toEqual({ hash: expect.any(String), commit, changed: false, branch: 'main', folder: 'ml' });
    write('data/x.csv', '1');
    write('feature_repo/notes.md', 'x');
    expect(await now()).toMatchObject({ changed: false });
    write('shared.ts', 'export const b = 2;\n');
    const changed = await now();
    expect(changed).toMatchObject({ commit, changed: true });
    expect(describeCode(changed)).toBe(`${commit.slice(0, 9)}, changed: files ${changed.hash.slice(0, 8)}`);
    git('checkout', '-q', 'ml/shared.ts');
    write('feature_repo/new.ts', 'export const n = 1;\n');
    expect(await now()).toMatchObject({ changed: true });
    rmSync(path.join(root, 'ml/feature_repo/new.ts'));
    rmSync(path.join(root, 'ml/workflows/w.ts'));
    expect(await now()).toMatchObject({ changed: true });
    git('checkout', '-q', '.');
    git('checkout', '-q', '--detach');
    expect(await now()).toEqual({ hash: expect.any(String), commit, changed: false, folder: 'ml' });
  });

  it('knows where the code is kept, never who may read it there', () => {
    expect(
      [
        'git@github.com:team/repo.git',
        'https://user:token@gitlab.example.com/team/repo.git',
        'ssh://git@host.example.com:2222/team/repo',
        '/srv/git/repo.git',
        'file:///srv/git/repo',
        '',
      ].map(addressOf),
    ).toEqual([
      'https://github.com/team/repo',
      'https://gitlab.example.com/team/repo',
      'https://host.example.com/team/repo',
      ...[undefined, undefined, undefined],
    ]);
  });

  it('is told without git, and with what the host says', async () => {
    git('init', '-q');
    const before = process.env['PATH'];
    process.env['PATH'] = path.join(root, 'nothing');
    try {
      const version = await codeVersion(project, { ASOF_BUILD_ID: '2026-11-26.3' });
      expect(version).toEqual({ hash: expect.any(String), build: '2026-11-26.3' });
      expect(describeCode(version)).toBe('build 2026-11-26.3');
    } finally {
      process.env['PATH'] = before;
    }
  });
});
