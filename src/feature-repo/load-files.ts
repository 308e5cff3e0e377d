import path from 'node:path';
import { createJiti, type Jiti } from 'jiti';
import * as zod from 'zod';
import type { LoadedFile } from './collect.js';
import { loadError } from './load-error.js';
import type { Project } from './project-root.js';

/** Modules handed to the files, by the name they import them by: what they are is decided here, not by a folder of packages. */
export type HandedModules = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Loads of one process come one after the other: they share the loader's module cache. */
let previous: Promise<unknown> = Promise.resolve();

/**
 * Loads TypeScript or JavaScript files of a project, which needs neither a build nor packages. The loader's cache makes every file a
 * module with one identity, as in any program; what a load put there is taken out again, so that the next load sees edits.
 * @param folder where they lie, to find in them what failed.
 * @throws DefinitionError when a file doesn't compile or fails: its own message, file and line.
 */
export function loadFiles(
  files: readonly string[],
  { projectRoot }: Pick<Project, 'projectRoot'>,
  folder: string,
  modules: HandedModules,
): Promise<LoadedFile[]> {
  const load = previous.then(async () => {
    const handed = { ...modules, zod: { ...zod } };
    const jiti = createJiti(path.join(projectRoot, 'asof-loader.js'), {
      virtualModules: Object.fromEntries(Object.entries(handed).map(([name, module]) => [name, { ...module }])),
      tryNative: false,
      fsCache: false,
      moduleCache: true,
      interopDefault: true,
    });
    const cachedBefore = new Set(Object.keys(jiti.cache));
    try {
      const loaded: LoadedFile[] = [];
      for (const file of files) loaded.push(await loadFile(jiti, file, projectRoot, folder, modules));
      return loaded;
    } finally {
      for (const file of Object.keys(jiti.cache)) {
        if (!cachedBefore.has(file) && !file.includes(`${path.sep}node_modules${path.sep}`)) delete jiti.cache[file];
      }
    }
  });
  previous = load.catch(() => undefined);
  return load;
}

async function loadFile(
  jiti: Jiti,
  file: string,
  projectRoot: string,
  folder: string,
  modules: HandedModules,
): Promise<LoadedFile> {
  try {
    const exports = await jiti.import<Record<string, unknown>>(file);
    return { file, shown: path.relative(projectRoot, file), exports };
  } catch (error) {
    throw loadError(error, { projectRoot, folder, file, modules });
  }
}
