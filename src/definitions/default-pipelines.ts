import { DefinitionError } from '../errors.js';
import { checkFields } from './definition.js';
import { type Pipeline, pipeline } from './pipeline.js';
import { every } from './schedule.js';

/** Tells pipelines that come with asof from those of the project, in lists and in the Web UI. */
export const builtInTag = 'built-in';

const retries = { attempts: 3, delay: '20 seconds' };

/**
 * What every project runs unless it says otherwise. A pipeline of its own with the same workflow counts instead, whatever its name
 * and schedule.
 */
const pipelines = {
  maintain_lake: () =>
    pipeline({
      name: 'maintain_lake',
      description: 'Keeps the lake small and fast; does nothing until there is something to do',
      workflow: 'maintainLake',
      schedule: every('10 minutes'),
      retries,
      tags: [builtInTag],
    }),
  check_freshness: () =>
    pipeline({
      name: 'check_freshness',
      description: 'Warns when the newest event of a view is older than the view promises',
      workflow: 'checkFreshness',
      schedule: every('15 minutes'),
      retries,
      tags: [builtInTag],
    }),
};

type DefaultPipeline = keyof typeof pipelines;
const names = Object.keys(pipelines) as DefaultPipeline[];

/** Which pipelines that come with asof a project runs: all, none, or all but those set to false. */
export type DefaultPipelines = boolean | { readonly [name in DefaultPipeline]?: boolean };

/** @returns the names of those that are wanted. @throws DefinitionError for what is no such setting. */
export function wantedDefaults(where: string, given: DefaultPipelines = true): readonly string[] {
  if (typeof given === 'boolean') return given ? names : [];
  if (
    typeof given !== 'object' ||
    given === null ||
    Object.values(given).some((wanted) => typeof wanted !== 'boolean')
  ) {
    throw new DefinitionError(`defaultPipelines is ${JSON.stringify(given)}`, {
      where,
      mend: 'write defaultPipelines: false, or by name: defaultPipelines: { check_freshness: false }',
    });
  }
  checkFields(`${where}, defaultPipelines`, given, names);
  return names.filter((name) => given[name] !== false);
}

/**
 * The pipelines to be added to those a project defines.
 * @throws DefinitionError when a pipeline of the project has the name of one, and another workflow.
 */
export function missingDefaults(wanted: readonly string[], defined: readonly Pipeline[]): Pipeline[] {
  return names
    .filter((name) => wanted.includes(name))
    .map((name) => pipelines[name]())
    .filter(({ workflow }) => !defined.some((own) => own.workflow === workflow))
    .map((builtIn) => {
      const clash = defined.find((own) => own.name.toLowerCase() === builtIn.name);
      if (clash === undefined) return builtIn;
      throw new DefinitionError(`it has the name of a pipeline that comes with asof, which runs ${builtIn.workflow}`, {
        where: `pipeline "${clash.name}"`,
        mend: `rename it, or switch the other off in featureStoreConfig: defaultPipelines: { ${builtIn.name}: false }`,
      });
    });
}
