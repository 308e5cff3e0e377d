import {
  CancellationScope,
  log,
  ParentClosePolicy,
  startChild,
  WorkflowIdReusePolicy,
  workflowInfo,
} from '@temporalio/workflow';
import type { EventType } from '../../src/index.js';
import type { reportLineage } from '../report-lineage.js';
import { lineageReporterId } from './lineage-reporter.js';

interface ReportedRun {
  readonly pipeline: string;
  readonly runId: string;
  readonly workflowId: string;
  /** Of the workflow that started the run's, if one did. */
  readonly parentWorkflowId?: string | undefined;
}

/** Has an event of a run sent where the project sends its lineage. Returns once that has begun, and never fails. */
export async function report(run: ReportedRun, type: EventType): Promise<void> {
  const { pipeline, runId, workflowId, parentWorkflowId } = run;
  // A run that goes on as a new execution tells so each time.
  const execution = type === 'RUNNING' ? workflowInfo().runId : runId;
  try {
    await CancellationScope.nonCancellable(() =>
      startChild<typeof reportLineage>('reportLineage', {
        workflowId: lineageReporterId(workflowId, type, execution),
        workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
        args: [{ pipeline, runId, type, ...(parentWorkflowId === undefined ? {} : { parentWorkflowId }) }],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        staticSummary: `${pipeline}: lineage, ${type}`,
      }),
    );
  } catch (error) {
    log.warn('no event of lineage is sent', { type, reason: String(error) });
  }
}
