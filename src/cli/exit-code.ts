import { AsofError, DataError, DefinitionError, StoreUnavailableError } from '../errors.js';
import { Interrupted } from './interrupt.js';

/** What a command's exit code tells a script. */
export const exitCodes = {
  ok: 0,
  /** Something went wrong that is none of the below; a bug of asof, most likely. */
  unexpected: 1,
  /** Definitions, configuration or the command line must be mended. */
  definition: 2,
  /** The data must be mended, or a run failed. */
  data: 3,
  /** A store or Temporal can't be reached; trying again may help. */
  unavailable: 4,
  interrupted: 130,
} as const;

export function exitCodeOf(error: unknown): number {
  if (error instanceof Interrupted) return exitCodes.interrupted;
  if (error instanceof DefinitionError) return exitCodes.definition;
  if (error instanceof StoreUnavailableError) return exitCodes.unavailable;
  if (error instanceof DataError || error instanceof AsofError) return exitCodes.data;
  return exitCodes.unexpected;
}
