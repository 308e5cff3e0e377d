import { CancellationScope, log, ParentClosePolicy, startChild, workflowInfo } from '@temporalio/workflow';
import type { EventType } from '../../src/index.js';
import type { reportLineage } from '../report-lineage.js';

/** Has an event of the run sent where the project sends its lineage. Returns once that has begun, and never fails. */
export async function report(
  run: { readonly pipeline: string; readonly runId: string },
  type: EventType,
): Promise<void> {
  const { workflowId, parent, runId: execution } = workflowInfo();
  const { pipeline, runId } = run;
  // A run that goes on as a new execution tells so each time.
  const part = type === 'RUNNING' ? execution : runId;
  try {
    await CancellationScope.nonCancellable(() =>
      startChild<typeof reportLineage>('reportLineage', {
        workflowId: `${workflowId}/lineage-${type.toLowerCase()}/${part.slice(-12)}`,
        args: [{ pipeline, runId, type, ...(parent === undefined ? {} : { parentWorkflowId: parent.workflowId }) }],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        staticSummary: `${pipeline}: lineage, ${type}`,
      }),
    );
  } catch (error) {
    log.warn('no event of lineage is sent', { type, reason: String(error) });
  }
}
