import { findView } from '../feature-request.js';
import { checkArgs, DefinitionError, type FeatureStore, type Json, type Pipeline } from '../index.js';
import { paramValues } from './param-values.js';

/** Arguments on the command line. */
export interface GivenArgs {
  readonly param?: readonly string[];
  readonly args?: string;
  readonly acceptGap?: boolean;
}

/**
 * What a run is to do otherwise than its definition says, checked before anything starts.
 * @throws DefinitionError that names what the pipeline takes, or a view that is none.
 */
export function runArgs(
  { repo }: Pick<FeatureStore, 'repo'>,
  pipeline: Pipeline,
  { param = [], args, acceptGap }: GivenArgs,
): Record<string, Json> {
  const [byName, asJson] = [paramValues(param, pipeline), parseArgs(args) ?? {}];
  const twice = Object.keys(byName).find((name) => Object.hasOwn(asJson, name));
  if (twice !== undefined) {
    throw new DefinitionError(`"${twice}" is given by --param and by --args`, { mend: 'leave one of them out' });
  }
  const given = { ...asJson, ...byName, ...(acceptGap === true ? { acceptGap } : {}) };
  const { view, views = view === undefined ? [] : [view] } = checkArgs(pipeline, given);
  if (Array.isArray(views)) for (const name of views) if (typeof name === 'string') findView(name, repo.views);
  return given;
}

function parseArgs(text: string | undefined): Record<string, Json> | undefined {
  if (text === undefined) return undefined;
  try {
    const args = JSON.parse(text) as unknown;
    if (typeof args === 'object' && args !== null && !Array.isArray(args)) return args as Record<string, Json>;
  } catch {
    // Said below, with what it should look like.
  }
  throw new DefinitionError(`--args is no JSON object: ${text}`, {
    mend: `write e.g. --args '{"views": ["driver_stats"]}'`,
  });
}
