import { CancellationScope, log } from '@temporalio/workflow';
import { closeLostRun, findLostRuns } from './activity-proxies.js';
import { endEvent } from './lineage-reporter.js';
import { report } from './report.js';

/**
 * Closes the records of runs that were ended from outside, and has their ends told, which they could not do themselves. Those that
 * are missed here are found by the next upkeep: it is no failure of the run that asks.
 * @returns how many there were.
 */
export async function closeLostRuns(runId: string): Promise<number> {
  let closed = 0;
  try {
    for (const run of await findLostRuns({ runId })) {
      // Once it is closed, nobody finds it again: then its end has to be told.
      await CancellationScope.nonCancellable(async () => {
        const { ended, sendsLineage } = await closeLostRun(run);
        if (ended === undefined) return;
        closed += 1;
        if (sendsLineage === true) await report(run, endEvent(ended));
      });
    }
  } catch (error) {
    log.warn('runs that were ended from outside could not be closed', { reason: String(error) });
  }
  return closed;
}
