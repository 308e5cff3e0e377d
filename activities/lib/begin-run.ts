import { stepTitles } from '../../src/index.js';
import type { OpenRunInput } from '../open-run.js';
import type { ActivityDeps } from './deps.js';
import { stepLog } from './step-log.js';

/** What follows once a run is open: its log begins, and a run that is done again takes over what the one before kept. */
export async function beginRun(
  deps: ActivityDeps,
  { runId, pipeline, trigger = 'manual', retryOf }: OpenRunInput,
  opened: { readonly views: readonly string[]; readonly interval: { readonly start: Date; readonly end: Date } },
): Promise<void> {
  const log = stepLog(deps, { runId });
  const { start, end } = opened.interval;
  log('run opened', { pipeline, trigger, interval: `${start.toISOString()}/${end.toISOString()}` });
  if (retryOf === undefined) return;
  for (const { view, reused, why } of await deps.store.steps.takeOver(retryOf, opened.views, runId)) {
    const steps = reused.map((step) => stepTitles[step]).join(', ');
    const told = reused.length === 0 ? 'nothing' : steps;
    log(
      `taken over from run ${retryOf.runId} of view ${view}: ${told}${why === undefined ? '' : `; the next step is done anew: ${why}`}`,
    );
  }
}
