import { didYouMean } from '../did-you-mean.js';
import { DefinitionError } from '../errors.js';
import type { Pipeline } from './pipeline.js';

/** A pipeline of a repository. @throws DefinitionError that names those there are. */
export function pipelineNamed(pipelines: ReadonlyMap<string, Pipeline>, name: string): Pipeline {
  const pipeline = pipelines.get(name);
  if (pipeline !== undefined) return pipeline;
  const known = [...pipelines.keys()];
  throw new DefinitionError(`there is no pipeline "${name}"`, {
    mend: `${didYouMean(name, known)}there are ${known.join(', ') || 'none; export one from the feature repository'}`,
  });
}
