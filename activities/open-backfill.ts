import { type BackfillOnly, type Json, planBackfill } from '../src/index.js';
import type { ActivityDeps } from './lib/deps.js';
import { isRunning } from './lib/is-running.js';

export interface OpenBackfillInput {
  readonly pipeline: string;
  readonly backfillId: string;
  readonly workflowId: string;
  /** The range [from, to), ISO times. */
  readonly from: string;
  readonly to: string;
  readonly only: BackfillOnly;
  readonly everyMs?: number | undefined;
  readonly args?: Readonly<Record<string, Json>> | undefined;
}

/** Checks what is asked for, takes the lease on its range and writes the backfill's record. */
export async function openBackfill({ store }: ActivityDeps, input: OpenBackfillInput) {
  const { pipeline: name, backfillId, workflowId, only, everyMs, args } = input;
  await store.requireApplied();
  const [from, to] = [new Date(input.from), new Date(input.to)];
  const plan = await planBackfill(store, { pipeline: name, from, to, everyMs, only, args }, isRunning);
  const range = { start: plan.from.toISOString(), end: plan.to.toISOString() };
  const { total, windowed, pipeline } = plan;
  await store.runs.backfills.open({ pipeline: name, backfillId, workflowId, range, everyMs, only, total }, isRunning);
  const { workflow, tags = [] } = pipeline;
  return { project: store.project, workflow, tags: [...tags], range, total, windowed };
}
