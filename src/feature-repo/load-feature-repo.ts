import path from 'node:path';
import type { AnyFeatureView } from '../definitions/index.js';
import { DefinitionError } from '../errors.js';
import { checkRepo } from './check-repo.js';
import { type Collected, collect } from './collect.js';
import type { FeatureRepo } from './feature-repo.js';
import { loadFiles } from './load-files.js';
import { resolveProject } from './project-root.js';
import { definitionFiles, hashFiles, importClosure } from './source-files.js';

/** What `asof` is to the definition files: the namespace of the public entry, `await import('./index.js')`. */
export interface LoadOptions {
  readonly asof: Readonly<Record<string, unknown>>;
}

/**
 * Loads every definition file of a folder, which needs no package.json and no node_modules: `asof` is handed to it.
 * Loading again sees edited files.
 * @throws DefinitionError when the folder is missing or empty, a file doesn't compile or fails (its own message, file and line),
 * names clash, or something named is not defined.
 */
export async function loadFeatureRepo(folder: string, { asof }: LoadOptions): Promise<FeatureRepo> {
  const project = resolveProject(folder);
  const { repoDir, projectRoot } = project;
  const files = definitionFiles(repoDir);
  if (files.length === 0) {
    throw new DefinitionError('the folder has no definition files', {
      where: `feature repository ${repoDir}`,
      mend: 'add files such as features.ts, or name another folder: --repo <dir>',
    });
  }
  const collected = collect(await loadFiles(files, project, repoDir, { asof }));
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
    fileOf: (view: string) => {
      const found = collected.views.get(view);
      return found && definedIn(collected, found)?.shown;
    },
  });
}

/** A view may be exported again elsewhere; the file that imports least of those that export it is the one that defines it. */
function definedIn({ files }: Collected, view: AnyFeatureView) {
  const places = (files.get(view) ?? []).map((place) => ({ ...place, closure: importClosure(place.file) }));
  return places.sort((a, b) => a.closure.length - b.closure.length)[0];
}

function transformHashes(collected: Collected, repoDir: string): Map<string, string> {
  const hashes = new Map<string, string>();
  for (const view of collected.views.values()) {
    if (hasTransform(view)) hashes.set(view.name, hashFiles(repoDir, definedIn(collected, view)?.closure ?? []));
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
