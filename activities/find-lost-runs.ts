import type { ActivityDeps } from './lib/deps.js';
import { describeWorkflow } from './lib/is-running.js';

export interface LostRun {
  readonly runId: string;
  readonly workflowId: string;
  readonly pipeline: string;
  /** How Temporal says that its workflow ended, e.g. `TERMINATED`. */
  readonly says: string;
  /** Of the workflow that started the run's, if one did. */
  readonly parentWorkflowId?: string | undefined;
}

/** Open ones that are asked for, and how many are told of at once; the others' turn comes with the next upkeep. */
const openMax = 10_000;
const lostMax = 50;
const askedAtOnce = 20;

/**
 * The runs whose record says that they run while their workflow has ended: terminated, or timed out by the server. One that the
 * server does not know is left: it may be another server's.
 */
export async function findLostRuns({ store }: ActivityDeps, _: { readonly runId: string }): Promise<LostRun[]> {
  const open = await store.runs.list({ status: 'running', limit: openMax });
  const lost: LostRun[] = [];
  for (let first = 0; first < open.length && lost.length < lostMax; first += askedAtOnce) {
    const found = await Promise.all(
      open.slice(first, first + askedAtOnce).map(async ({ runId, workflowId, pipeline }) => {
        const described = await describeWorkflow({ runId, workflowId });
        const says = described?.status.name ?? 'RUNNING';
        const parentWorkflowId = described?.raw.workflowExecutionInfo?.parentExecution?.workflowId ?? undefined;
        return { runId, workflowId, pipeline, says, ...(parentWorkflowId ? { parentWorkflowId } : {}) };
      }),
    );
    lost.push(...found.filter(({ says }) => says !== 'RUNNING'));
  }
  return lost.slice(0, lostMax);
}
