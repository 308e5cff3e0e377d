import type { FieldChange } from './schedule-form.js';

/** What a deploy does for a pipeline, or would do. */
export interface DeployStep {
  readonly pipeline: string;
  /** `none`: nothing, because it is as defined, or is left as it is. */
  readonly action: 'add' | 'change' | 'remove' | 'start' | 'catch up' | 'none';
  /** Of the schedule, or of the run that is started. */
  readonly id: string;
  readonly fields: readonly FieldChange[];
  /** What was changed on the server by hand: from what was deployed to what is there. */
  readonly drift: readonly FieldChange[];
  /** Whether it differs from the definition and stays so without `--force`. */
  readonly left: boolean;
  readonly notes: readonly string[];
}

/** A step with what makes it so; without, there is nothing to do. */
export interface PlannedStep extends DeployStep {
  readonly perform?: (() => Promise<void>) | undefined;
}

export const step = (
  pipeline: string,
  action: DeployStep['action'],
  id: string,
  more: Partial<PlannedStep> = {},
): PlannedStep => ({ pipeline, action, id, fields: [], drift: [], left: false, notes: [], ...more });
