import { limits } from '../config.js';
import { type BackfillOnly, DefinitionError } from '../index.js';
import { countOption, timeOption } from './option-values.js';

/** How a backfill is asked for, by whatever command. */
export interface GivenBackfill {
  readonly from?: string;
  readonly to?: string;
  readonly only?: string;
  readonly parallel?: string;
  readonly reverse?: boolean;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
}

/** @throws DefinitionError for what is missing or no value. */
export function askedBackfill(given: GivenBackfill) {
  const [from, to] = [timeOption('--from', given.from), timeOption('--to', given.to)];
  if (from === undefined || to === undefined) {
    throw new DefinitionError('a backfill needs both --from and --to', {
      mend: 'write e.g. --from 2024-01-01 --to 2024-02-01; --to is not part of it',
    });
  }
  return {
    from,
    to,
    only: onlyOption(given.only),
    parallel: parallelOption(given.parallel),
    newestFirst: given.reverse === true,
  };
}

const onlys: readonly string[] = ['missing', 'failed', 'all'];

function onlyOption(text = 'missing'): BackfillOnly {
  if (onlys.includes(text)) return text as BackfillOnly;
  throw new DefinitionError(`--only ${JSON.stringify(text)} is unknown`, { mend: `use ${onlys.join(', ')}` });
}

/** @throws DefinitionError unless it is a number of runs that may be at work at once. */
export function parallelOption(text: string | undefined): number {
  const parallel = countOption('--parallel', text) ?? limits.backfillParallel;
  if (parallel >= 1 && parallel <= limits.backfillParallelMax) return parallel;
  throw new DefinitionError(`--parallel ${parallel} can't be`, {
    mend: `write a whole number from 1 to ${limits.backfillParallelMax}`,
  });
}
