import { setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { EventType } from '../src/index.js';
import { sendLineage } from './lib/activity-proxies.js';

export interface LineageReport {
  readonly pipeline: string;
  readonly runId: string;
  readonly type: EventType;
  /** Of the workflow that started the run's, if one did. */
  readonly parentWorkflowId?: string | undefined;
}

/**
 * Tells an OpenLineage server, or a file, of something that happened to a run. A workflow of its own, so that a server that is away
 * is tried again for a day while the run goes on and ends as it would. Fails when it could not be told.
 */
export async function reportLineage({ pipeline: _, ...report }: LineageReport): Promise<{ attempts: number }> {
  const sent = await sendLineage({ ...report, at: workflowInfo().startTime.toISOString() });
  setCurrentDetails(`${report.type} was sent, attempt ${sent.attempts}`);
  return sent;
}
