import { type FeatureStoreConfig, missingDefaults, resolveSelection } from '../definitions/index.js';
import { DefinitionError } from '../errors.js';
import { checkDependencies } from './check-dependencies.js';
import type { Collected } from './collect.js';

/**
 * What can only be seen when all files are loaded: the one configuration, which pipelines that come with asof the project is given,
 * and that what is named exists.
 */
export function checkRepo(repo: Collected, where: string): FeatureStoreConfig {
  const config = onlyConfig(repo, where);
  for (const builtIn of missingDefaults(config.defaultPipelines, [...repo.pipelines.values()]))
    repo.pipelines.set(builtIn.name, builtIn);
  checkServices(repo);
  checkPipelines(repo);
  checkDependencies(repo.pipelines);
  return config;
}

function onlyConfig({ configs, files }: Collected, where: string): FeatureStoreConfig {
  const [config, second] = configs.values();
  if (config === undefined) {
    throw new DefinitionError('no file exports the configuration of the feature store', {
      where,
      mend: "add feature-store.ts: import { featureStoreConfig } from 'asof'; export default featureStoreConfig({ project: 'my_project' });",
    });
  }
  if (second === undefined) return config;
  const [a, b] = [config, second].map((one) => files.get(one)?.[0]?.shown);
  throw new DefinitionError(
    `two configurations, of project "${config.project}" in ${a} and of project "${second.project}" in ${b}`,
    {
      where,
      mend: 'keep one',
    },
  );
}

/** A view that only a service knows would have no table; a second view of the same name would be read instead. */
function checkServices({ services, views }: Collected): void {
  for (const service of services.values()) {
    for (const selection of service.features) {
      const { view } = resolveSelection(selection);
      if (views.get(view.name) === view) continue;
      throw new DefinitionError(`it lists view "${view.name}", which no file exports`, {
        where: `feature service "${service.name}"`,
        mend: `export it: export const ${camelCase(view.name)} = …`,
      });
    }
  }
}

/** The arguments `view` and `views` name views, whatever the workflow. */
function checkPipelines({ pipelines, views }: Collected): void {
  for (const { name, args } of pipelines.values()) {
    const where = `pipeline "${name}"`;
    const known = [...views.keys()].join(', ') || 'none is defined';
    if (args['views'] !== undefined && !Array.isArray(args['views'])) {
      throw new DefinitionError('args.views is not a list', { where, mend: "write args: { views: ['driver_stats'] }" });
    }
    const named = [
      ...((args['views'] as readonly unknown[] | undefined) ?? []),
      ...(args['view'] === undefined ? [] : [args['view']]),
    ];
    for (const view of named) {
      if (typeof view === 'string' && views.has(view)) continue;
      throw new DefinitionError(`args name view ${JSON.stringify(view)}, which is not defined`, {
        where,
        mend: `use one of the views: ${known}`,
      });
    }
  }
}

const camelCase = (name: string): string => name.replace(/_+(\w)/g, (_, letter: string) => letter.toUpperCase());
