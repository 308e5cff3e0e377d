import { DefinitionError } from '../errors.js';
import { checkFields } from './definition.js';
import { type Duration, parseDuration } from './duration.js';

/** How long what nobody needs any more is kept before upkeep removes it. */
export interface UpkeepSettings {
  /** The lake as it was, for `asOfTime`; at least a day. Default '7 days'. */
  readonly keepSnapshots?: Duration;
  /** Records, logs and reports of runs that ended; default '90 days'. */
  readonly keepRuns?: Duration;
  /** Files that the steps of a run handed each other, once it ended; default '7 days'. */
  readonly keepStaging?: Duration;
  /** How long a saved training set can be made again; default: until it is dropped. */
  readonly keepTrainingSets?: Duration;
}

/** The same in milliseconds. */
export interface UpkeepRules {
  readonly keepSnapshotsMs: number;
  readonly keepRunsMs: number;
  readonly keepStagingMs: number;
  readonly keepTrainingSetsMs: number | undefined;
}

const dayMs = 24 * 3_600_000;
const hourMs = 3_600_000;

/** @throws DefinitionError for a misspelt field, a time that is none, or one too short to be meant. */
export function upkeepRules(where: string, given: UpkeepSettings = {}): UpkeepRules {
  if (typeof given !== 'object' || given === null) {
    throw new DefinitionError(`upkeep is ${JSON.stringify(given)}`, {
      where,
      mend: "write upkeep: { keepSnapshots: '7 days' }",
    });
  }
  checkFields(`${where}, upkeep`, given, ['keepSnapshots', 'keepRuns', 'keepStaging', 'keepTrainingSets']);
  const time = (field: keyof UpkeepSettings, duration: Duration, leastMs: number, least: string): number => {
    const ms = parseDuration(where, `upkeep.${field}`, duration);
    if (ms >= leastMs) return ms;
    throw new DefinitionError(`upkeep.${field} ${JSON.stringify(duration)} is shorter than ${least}`, {
      where,
      mend: `write at least '${least}'`,
    });
  };
  const { keepSnapshots = '7 days', keepRuns = '90 days', keepStaging = '7 days', keepTrainingSets } = given;
  return {
    keepSnapshotsMs: time('keepSnapshots', keepSnapshots, dayMs, '1 day'),
    keepRunsMs: time('keepRuns', keepRuns, dayMs, '1 day'),
    keepStagingMs: time('keepStaging', keepStaging, hourMs, '1 hour'),
    keepTrainingSetsMs:
      keepTrainingSets === undefined ? undefined : time('keepTrainingSets', keepTrainingSets, dayMs, '1 day'),
  };
}
