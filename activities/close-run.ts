import type { RunStatus, StepRecord } from '../src/index.js';
import type { ActivityDeps } from './deps.js';

export interface CloseRunInput {
  readonly pipeline: string;
  readonly runId: string;
  readonly workflowId: string;
  readonly status: Exclude<RunStatus, 'running'>;
  readonly steps: readonly StepRecord[];
  readonly published: number;
  readonly message?: string | undefined;
  readonly quality?: string | undefined;
  readonly reports: Readonly<Record<string, string>>;
}

/** Writes how the run ended and gives its interval free. */
export const closeRun = ({ store }: ActivityDeps, input: CloseRunInput): Promise<void> => store.runs.close(input);
