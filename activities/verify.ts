import { DefinitionError, type Json, type VerifyReport } from '../src/index.js';
import type { ActivityDeps } from './lib/deps.js';
import { resumableStep } from './lib/resumable-step.js';
import type { StepInput } from './lib/step-input.js';

export interface VerifyInput extends StepInput {
  /** How many keys of each store; default: all. */
  readonly sample?: Json | undefined;
  /** Which keys a sample takes; default: others for each run. */
  readonly seed?: Json | undefined;
  /** false = what differs is only told. */
  readonly failOn?: Json | undefined;
}

/** Compares what is online of a view with the lake; an attempt after another one starts over, because it changes nothing. */
export const verify = (deps: ActivityDeps, input: VerifyInput) =>
  resumableStep<VerifyReport>(deps, input, ({ signal, progress }) => {
    const { failOn } = input;
    if (failOn !== undefined && typeof failOn !== 'boolean')
      throw new DefinitionError(`argument failOn is ${JSON.stringify(failOn)}`, { mend: 'write true or false' });
    return deps.store.steps.verify(input, {
      sample: sampleOf(input),
      failOn: failOn ?? true,
      signal,
      onProgress: progress,
    });
  });

function sampleOf({ sample, seed, runId }: VerifyInput): { size: number; seed: number } | undefined {
  const size = wholeNumber('sample', sample, 1);
  const chosen = wholeNumber('seed', seed, 0);
  return size === undefined ? undefined : { size, seed: chosen ?? seedOf(runId) };
}

function wholeNumber(name: string, value: Json | undefined, least: number): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value < 2 ** 31) return value;
  throw new DefinitionError(`argument ${name} is ${JSON.stringify(value)}`, {
    mend: `write a whole number from ${least} on, or leave it out`,
  });
}

/** The same for every attempt of a run. */
const seedOf = (runId: string): number => Number.parseInt(runId.replace(/[^0-9a-f]/g, '').slice(-7), 16) || 1;
