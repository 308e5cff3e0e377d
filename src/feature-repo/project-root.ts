import { existsSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { DefinitionError } from '../errors.js';

/** The folders of a project. All absolute, symbolic links resolved, so that two processes mean the same by them. */
export interface Project {
  /** Where the definitions are. */
  readonly repoDir: string;
  /** Where relative paths of sources start: the nearest folder with a package.json at or above the repo, else the repo's parent. */
  readonly projectRoot: string;
  /** Where asof keeps its state: `.asof` in the project root. */
  readonly stateDir: string;
}

/**
 * Finds the project a feature repository belongs to.
 * @param repoDir relative to the working directory, or absolute.
 * @throws DefinitionError when there is no such folder.
 */
export function resolveProject(repoDir: string): Project {
  const asked = path.resolve(repoDir);
  if (!existsSync(asked)) {
    throw new DefinitionError('there is no such folder', {
      where: `feature repository ${asked}`,
      mend: 'name the folder that holds your definitions: --repo <dir> (default: feature_repo)',
    });
  }
  if (!statSync(asked).isDirectory()) {
    throw new DefinitionError('this is a file, not a folder', {
      where: `feature repository ${asked}`,
      mend: `name the folder that holds it: --repo ${path.dirname(repoDir)}`,
    });
  }
  const found = realpathSync(asked);
  const projectRoot = nearestPackage(found) ?? path.dirname(found);
  return Object.freeze({ repoDir: found, projectRoot, stateDir: path.join(projectRoot, '.asof') });
}

function nearestPackage(folder: string): string | undefined {
  if (existsSync(path.join(folder, 'package.json'))) return folder;
  const parent = path.dirname(folder);
  return parent === folder ? undefined : nearestPackage(parent);
}
