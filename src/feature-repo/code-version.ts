import { execFile } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { FeatureRepo } from './feature-repo.js';
import { definitionFiles, hashFiles, importClosure, isLoadable } from './source-files.js';

/** Which code of a project was at work. */
export interface CodeVersion {
  /** Of the project's files: definitions, workflows and steps, and what they import by relative paths. Equal everywhere. */
  readonly hash: string;
  /** Of the git work tree the project is in; absent where there is none, or no git. */
  readonly commit?: string;
  /** Whether those files differ from the commit. */
  readonly changed?: boolean;
  readonly branch?: string;
  /** The https address of where it is kept, without user and password. */
  readonly remote?: string;
  /** Where the project lies in the work tree, `''` = at its top. */
  readonly folder?: string;
  /** What the deployed program was built from, where its host says so: ASOF_BUILD_ID. */
  readonly build?: string;
}

const run = promisify(execFile);
const gitMaxMs = 5_000;

/**
 * Looks at the project's files and, where there is one, at its git work tree. Never fails for want of git: a container has neither.
 */
export async function codeVersion(
  project: Pick<FeatureRepo, 'repoDir' | 'projectRoot'>,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<CodeVersion> {
  const files = codeFilesOf(project);
  const build = environment['ASOF_BUILD_ID'];
  return {
    hash: hashFiles(project.projectRoot, files).slice(0, 16),
    ...(await commitOf(project.projectRoot, files)),
    ...(build === undefined || build === '' ? {} : { build }),
  };
}

const known = new WeakMap<FeatureRepo, Promise<CodeVersion>>();

/** The code that is at work with loaded definitions: looked at once, for it is loaded with them. */
export function codeAtWork(repo: FeatureRepo): Promise<CodeVersion> {
  const version = known.get(repo) ?? codeVersion(repo);
  known.set(repo, version);
  return version;
}

/** `3f2c1ab, changed since` or `files 9c8d7e01`: as short as people tell versions apart. */
export function describeCode({ hash, commit, changed, build }: CodeVersion): string {
  const files = `files ${hash.slice(0, 8)}`;
  const told = [
    ...(commit === undefined ? [] : [commit.slice(0, 9)]),
    ...(build === undefined ? [] : [`build ${build}`]),
  ].join(', ');
  if (told === '') return files;
  return changed === true ? `${told}, changed: ${files}` : told;
}

function codeFilesOf({ repoDir, projectRoot }: Pick<FeatureRepo, 'repoDir' | 'projectRoot'>): string[] {
  const folders = [repoDir, path.join(projectRoot, 'workflows'), path.join(projectRoot, 'activities')];
  const there = folders.filter((folder) => existsSync(folder) && statSync(folder).isDirectory());
  return [...new Set(there.flatMap(definitionFiles).flatMap(importClosure))].sort();
}

/** `git@host:team/repo.git` and the like, as a browser would have it; `undefined` for a folder. */
export function addressOf(remote: string): string | undefined {
  const [, host, path] = /^(?:[^@/]+@)?([\w.-]+):(?!\/\/)(.+)$/.exec(remote) ?? [];
  const text = host === undefined ? remote : `https://${host}/${path}`;
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (!['https:', 'http:', 'ssh:', 'git:'].includes(url.protocol)) return undefined;
  return `${url.protocol === 'http:' ? 'http' : 'https'}://${url.hostname}${url.pathname.replace(/\.git$/, '')}`;
}

async function commitOf(root: string, files: readonly string[]): Promise<Partial<CodeVersion>> {
  const git = async (...args: string[]): Promise<string> => {
    // Looking must not take the lock that somebody's commit waits for.
    const env = { ...process.env, GIT_OPTIONAL_LOCKS: '0' };
    const { stdout } = await run('git', ['-C', root, ...args], { env, timeout: gitMaxMs, maxBuffer: 64 * 1024 ** 2 });
    return stdout;
  };
  try {
    const [top = '', commit = '', branch = ''] = (
      await git('rev-parse', '--show-toplevel', 'HEAD', '--abbrev-ref', 'HEAD')
    )
      .trim()
      .split('\n');
    const inTree = files.filter((file) => !path.relative(top, file).startsWith('..'));
    const folders = [...new Set(inTree.map((file) => path.dirname(file)))];
    const known = new Set(inTree.map((file) => path.relative(top, file).split(path.sep).join('/')));
    const status = await git('status', '--porcelain', '--no-renames', '-z', '--untracked-files=all', '--', ...folders);
    const changed = status.split('\0').some((line) => {
      const [state, name] = [line.slice(0, 2), line.slice(3)];
      // A file that was deleted is no longer among the files.
      return known.has(name) || (state.includes('D') && isLoadable(name));
    });
    const folder = path.relative(top, root).split(path.sep).join('/');
    const remote = addressOf((await git('remote', 'get-url', 'origin').catch(() => '')).trim());
    return {
      commit,
      changed,
      ...(remote === undefined ? {} : { remote }),
      ...(branch === 'HEAD' ? {} : { branch }),
      folder,
    };
  } catch {
    return {};
  }
}
