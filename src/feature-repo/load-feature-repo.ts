import path from 'node:path';
import { createJiti, type Jiti } from 'jiti';
import * as zod from 'zod';
import type { AnyFeatureView } from '../definitions/index.js';
import { DefinitionError } from '../errors.js';
import { checkRepo } from './check-repo.js';
import { type Collected, collect, type LoadedFile } from './collect.js';
import type { FeatureRepo } from './feature-repo.js';
import { loadError } from './load-error.js';
import { type Project, resolveProject } from './project-root.js';
import { definitionFiles, hashFiles, importClosure } from './source-files.js';

/** What `asof` is to the definition files: the namespace of the public entry, `await import('./index.js')`. */
export interface LoadOptions {
  readonly asof: Readonly<Record<string, unknown>>;
}

/** Loads of one process come one after the other: they share the loader's module cache. */
let previous: Promise<unknown> = Promise.resolve();

/**
 * Loads every definition file of a folder, which needs no package.json and no node_modules: `asof` is handed to it.
 * Loading again sees edited files.
 * @throws DefinitionError when the folder is missing or empty, a file doesn't compile or fails (its own message, file and line),
 * names clash, or something named is not defined.
 */
export function loadFeatureRepo(repoDir: string, options: LoadOptions): Promise<FeatureRepo> {
  const load = previous.then(() => loadNow(resolveProject(repoDir), options));
  previous = load.catch(() => undefined);
  return load;
}

async function loadNow(project: Project, { asof }: LoadOptions): Promise<FeatureRepo> {
  const { repoDir, projectRoot } = project;
  const files = definitionFiles(repoDir);
  if (files.length === 0) {
    throw new DefinitionError('the folder has no definition files', {
      where: `feature repository ${repoDir}`,
      mend: 'add files such as features.ts, or name another folder: --repo <dir>',
    });
  }
  const collected = collect(await loadFiles(files, project, asof));
  const config = checkRepo(collected, `feature repository ${path.relative(projectRoot, repoDir) || repoDir}`);
  const sources = [...new Set(files.flatMap(importClosure))];
  const transforms = transformHashes(collected, repoDir);
  return Object.freeze({
    ...project,
    config,
    entities: frozen(collected.entities),
    sources: frozen(collected.sources),
    views: frozen(collected.views),
    services: frozen(collected.services),
    pipelines: frozen(collected.pipelines),
    definitionsHash: hashFiles(repoDir, sources),
    transformHash: (view: string) => transforms.get(view),
  });
}

/**
 * The loader's cache makes every file a module with one identity, as in any program; what a load put there is taken out again,
 * so that the next load sees edits.
 */
async function loadFiles(files: readonly string[], project: Project, asof: LoadOptions['asof']): Promise<LoadedFile[]> {
  const jiti = createJiti(path.join(project.projectRoot, 'asof-loader.js'), {
    virtualModules: { asof: { ...asof }, zod: { ...zod } },
    tryNative: false,
    fsCache: false,
    moduleCache: true,
    interopDefault: true,
  });
  const cachedBefore = new Set(Object.keys(jiti.cache));
  try {
    const loaded: LoadedFile[] = [];
    for (const file of files) loaded.push(await loadFile(jiti, file, project, asof));
    return loaded;
  } finally {
    for (const file of Object.keys(jiti.cache)) {
      if (!cachedBefore.has(file) && !file.includes(`${path.sep}node_modules${path.sep}`)) delete jiti.cache[file];
    }
  }
}

async function loadFile(jiti: Jiti, file: string, project: Project, asof: LoadOptions['asof']): Promise<LoadedFile> {
  try {
    const exports = await jiti.import<Record<string, unknown>>(file);
    return { file, shown: path.relative(project.projectRoot, file), exports };
  } catch (error) {
    throw loadError(error, { ...project, file, exported: Object.keys(asof) });
  }
}

/** A view may be exported again elsewhere; the file that imports least of those that export it is the one that defines it. */
function transformHashes({ views, files }: Collected, repoDir: string): Map<string, string> {
  const hashes = new Map<string, string>();
  for (const view of views.values()) {
    if (!hasTransform(view)) continue;
    const closures = (files.get(view) ?? []).map(({ file }) => importClosure(file)).sort((a, b) => a.length - b.length);
    hashes.set(view.name, hashFiles(repoDir, closures[0] ?? []));
  }
  return hashes;
}

const hasTransform = (view: AnyFeatureView): boolean =>
  view.kind === 'stream_feature_view' && view.transform !== undefined;

/** `Object.freeze` does not stop a Map from being changed. */
function frozen<V>(map: Map<string, V>): ReadonlyMap<string, V> {
  const refuse = (): never => {
    throw new DefinitionError('loaded definitions are read only', {
      mend: 'edit the feature repository and load it again',
    });
  };
  return Object.freeze(Object.assign(map, { set: refuse, delete: refuse, clear: refuse }));
}
