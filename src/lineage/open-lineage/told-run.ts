import type { RunRecord } from '../../runs/index.js';

type Optional = 'interval' | 'workflowId' | 'quality' | 'lost';

/**
 * What is told of a run: its record, or, of what is done outside of pipelines, what its record would be; that has no data interval and
 * no workflow.
 */
export type ToldRun = Omit<
  RunRecord,
  Optional | 'retryOf' | 'args' | 'tags' | 'leaseScope' | 'sendsLineage' | 'reports'
> &
  Partial<Pick<RunRecord, Optional>>;
