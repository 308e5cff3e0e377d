import { setTimeout as sleep } from 'node:timers/promises';
import { DefinitionError } from '../errors.js';
import type { RunRecord, Runs } from '../runs/index.js';

/** A stream's run has no end; it is let go on, and waited for where it matters. */
export const isEndless = ({ interval }: Pick<RunRecord, 'interval'>): boolean => interval.end.startsWith('9999');

const most = 10_000;

/** Runs that are open, apart from streams: what they read before would be published after. */
export const openRuns = async (runs: Runs): Promise<RunRecord[]> =>
  (await runs.list({ status: 'running', limit: most })).filter((run) => !isEndless(run));

export const streamsRun = async (runs: Runs): Promise<boolean> =>
  (await runs.list({ status: 'running', limit: most })).some(isEndless);

/**
 * Sees that no run is at work.
 * @param wait until they have ended. @throws DefinitionError naming those that are, unless they are waited for.
 */
export async function awaitRuns(
  runs: Runs,
  { wait, signal, onWait }: { wait: boolean; signal?: AbortSignal | undefined; onWait?: (runs: number) => void },
): Promise<void> {
  for (;;) {
    signal?.throwIfAborted();
    const open = await openRuns(runs);
    if (open.length === 0) return;
    if (!wait) {
      const shown = open.slice(0, 5).map(({ runId, pipeline }) => `${runId} of ${pipeline}`);
      throw new DefinitionError(
        `${open.length === 1 ? 'a run is' : `${open.length} runs are`} at work, and would publish what was read before: ${shown.join(', ')}`,
        { mend: 'add --wait to begin when they have ended, or end them: asof cancel <run>' },
      );
    }
    onWait?.(open.length);
    await sleep(2_000, undefined, { signal });
  }
}
