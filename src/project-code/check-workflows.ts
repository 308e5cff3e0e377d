import { didYouMean } from '../did-you-mean.js';
import { DefinitionError } from '../errors.js';
import type { FeatureRepo } from '../feature-repo/index.js';
import { type WorkflowNames, workflowNames } from './workflow-names.js';

/**
 * Checks that the workflow each pipeline names is exported by a file of the built-ins or of the project's `workflows/`. Reads
 * files only; needs no Temporal.
 * @throws DefinitionError naming the pipeline, the workflow and those there are; also when two files export one name, or a file
 * can't be parsed.
 */
export async function checkWorkflows({
  projectRoot,
  pipelines,
}: Pick<FeatureRepo, 'projectRoot' | 'pipelines'>): Promise<void> {
  const names = await workflowNames(projectRoot);
  for (const { name, workflow } of pipelines.values()) {
    if (!names.exported.has(workflow)) throw notExported(name, workflow, names);
  }
}

function notExported(pipeline: string, workflow: string, { exported, hidden }: WorkflowNames): DefinitionError {
  const where = `pipeline "${pipeline}"`;
  const file = hidden.get(workflow);
  if (file !== undefined) {
    return new DefinitionError(`its workflow "${workflow}" is in ${file.shown}, but not exported by that name`, {
      where,
      mend: `write there: export async function ${workflow}(…)`,
    });
  }
  const known = [...exported.keys()];
  return new DefinitionError(`there is no workflow "${workflow}"`, {
    where,
    mend: `${didYouMean(workflow, known)}there are ${known.join(', ')}; your own are exported by files of workflows/`,
  });
}
