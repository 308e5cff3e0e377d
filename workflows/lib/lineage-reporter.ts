import type { EventType, RunStatus } from '../../src/index.js';

/** What is told of a run that ended before it was done. */
export const endEvent = (status: RunStatus): EventType => (status === 'failed' ? 'FAIL' : 'ABORT');

/**
 * The id of the workflow that sends an event of a run, so that each is sent by one alone.
 * @param execution of the run; the ends of ids tell more than their beginnings, which are the time.
 */
export const lineageReporterId = (workflowId: string, type: EventType, execution: string): string =>
  `${workflowId}/lineage-${type.toLowerCase()}/${execution.slice(-12)}`;
