import { DefinitionError, type Pipeline } from '../../src/index.js';
import type { ActivityDeps } from './deps.js';

/** A pipeline of the loaded definitions. @throws DefinitionError when there is none of that name. */
export function findPipeline({ store }: Pick<ActivityDeps, 'store'>, name: string): Pipeline {
  const { pipelines } = store.repo;
  const found = pipelines.get(name);
  if (found !== undefined) return found;
  throw new DefinitionError(`there is no pipeline "${name}"`, {
    mend: `there are ${[...pipelines.keys()].join(', ')}`,
  });
}
