import type { WorkflowHandle } from '@temporalio/client';
import { StoreUnavailableError } from '../index.js';

/** One of several workers may be an old one, and the next knows better. */
const triesMin = 3;

/** The events of a run whose first workflow task went wrong, and no more. */
const eventsBefore = 4;

/**
 * Whether a run got further than its first workflow task.
 * @throws StoreUnavailableError when it waits for a worker that knows its workflow: workers know the files as they were when they
 * started.
 */
export async function hasBegun(handle: WorkflowHandle): Promise<boolean> {
  const { raw, type, runId, historyLength } = await handle.describe();
  if (historyLength > eventsBefore) return true;
  if ((raw.pendingWorkflowTask?.attempt ?? 0) < triesMin) return false;
  const { events } = await handle.fetchHistory();
  const failures = (events ?? []).map((event) => event.workflowTaskFailedEventAttributes?.failure?.message ?? '');
  if (!failures.some((message) => message.includes('no such function is exported'))) return false;
  throw new StoreUnavailableError(`the worker that runs does not know the workflow "${type}"`, {
    mend: `it knows the files as they were when it started: start it again, and this run goes on: asof runs show ${runId}`,
  });
}
