import { didYouMean } from '../did-you-mean.js';
import { DefinitionError, type FeatureStore, type Pipeline } from '../index.js';

/** A pipeline of the repository. @throws DefinitionError that names those there are. */
export function findPipeline({ repo }: Pick<FeatureStore, 'repo'>, name: string): Pipeline {
  const pipeline = repo.pipelines.get(name);
  if (pipeline !== undefined) return pipeline;
  const known = [...repo.pipelines.keys()];
  throw new DefinitionError(`there is no pipeline "${name}"`, {
    mend: `${didYouMean(name, known)}there are ${known.join(', ') || 'none; export one from the feature repository'}`,
  });
}
