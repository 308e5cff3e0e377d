import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export interface SmallProject {
  readonly root: string;
  readonly repo: string;
  /** Replaces text in a file of the feature repository. */
  edit(file: string, from: string | RegExp, to: string): void;
  close(): void;
}

const checkout = fileURLToPath(new URL('../..', import.meta.url));

/** The sample's feature repository and data as a project of its own. */
export function smallProject(): SmallProject {
  const root = mkdtempSync(path.join(os.tmpdir(), 'asof-small-'));
  const repo = path.join(root, 'feature_repo');
  mkdirSync(repo);
  writeFileSync(path.join(root, 'package.json'), '{}');
  cpSync(path.join(checkout, 'feature_repo'), repo, { recursive: true });
  cpSync(path.join(checkout, 'data'), path.join(root, 'data'), { recursive: true });
  return {
    root,
    repo,
    edit: (file, from, to) => {
      const target = path.join(repo, file);
      const before = readFileSync(target, 'utf8');
      const after = before.replace(from, to);
      if (after === before) throw new Error(`${file} does not contain ${String(from)}`);
      writeFileSync(target, after);
    },
    close: () => rmSync(root, { recursive: true, force: true }),
  };
}
