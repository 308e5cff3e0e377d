import { pathToFileURL } from 'node:url';
import {
  type ActivityDeps,
  type ActivityFunction,
  createActivities,
  type NamedActivity,
} from '../../activities/index.js';
import { loadFiles } from '../feature-repo/index.js';
import { type CodeFile, clash, codeFiles, ownFolder } from '../project-code/index.js';

/**
 * The activities of a project, bound to its store: the built-in ones, and every function that a file of its own `activities/`
 * exports. Those files need neither a build nor packages: `asof`, `asof/activity` and Temporal's are handed to them.
 * @throws DefinitionError when two files export one name, or a file doesn't compile or fails.
 */
export async function projectActivities(deps: ActivityDeps): Promise<ReturnType<typeof createActivities>> {
  const { projectRoot } = deps.store.repo;
  const files = codeFiles(projectRoot, 'activities');
  const own = files.filter(({ builtIn }) => !builtIn).map(({ file }) => file);
  const loaded = own.length === 0 ? [] : await loadOwn(own, projectRoot);
  const exportsOf = new Map(loaded.map(({ file, exports }) => [file, exports]));
  const found = new Map<string, NamedActivity & { file: CodeFile }>();
  for (const file of files) {
    const exports = file.builtIn ? await importBuiltIn(file.file) : (exportsOf.get(file.file) ?? {});
    for (const [name, call] of Object.entries(exports)) {
      if (typeof call !== 'function' || name === 'default') continue;
      const twin = found.get(name);
      if (twin !== undefined) throw clash('activity', name, twin.file, file);
      found.set(name, { name, call: call as ActivityFunction, own: !file.builtIn, file });
    }
  }
  return createActivities(deps, [...found.values()]);
}

const importBuiltIn = (file: string): Promise<Record<string, unknown>> => import(pathToFileURL(file).href);

async function loadOwn(files: readonly string[], projectRoot: string) {
  const [asof, activity, temporalActivity, temporalCommon] = await Promise.all([
    import('../index.js'),
    import('../../activities/lib/index.js'),
    import('@temporalio/activity'),
    import('@temporalio/common'),
  ]);
  return loadFiles(files, { projectRoot }, ownFolder(projectRoot, 'activities'), {
    asof,
    'asof/activity': activity,
    '@temporalio/activity': temporalActivity,
    '@temporalio/common': temporalCommon,
  });
}
