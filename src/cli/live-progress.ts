import type { Client } from '@temporalio/client';
import type { RunProgress } from '../../workflows/lib/contract.js';
import type { StepRecord } from '../index.js';
import { type RunIdentity, runHandle } from '../temporal/index.js';

/** What a run at work is doing. */
export interface LiveProgress {
  readonly steps: readonly StepRecord[];
  /** The step at work; `undefined` between two. */
  readonly step: string | undefined;
  /** How often it was tried, this time included, and why the time before failed. */
  readonly attempt: number | undefined;
  readonly lastFailure: string | undefined;
  readonly detail: string;
}

/** A query needs a worker; without one the answer never comes. */
const patienceMs = 3_000;

/** `undefined` when nobody answers in time. */
export async function liveProgress(client: Client, run: RunIdentity): Promise<LiveProgress | undefined> {
  const handle = runHandle(client, run);
  try {
    return await client.withDeadline(Date.now() + patienceMs, async () => {
      const [{ step, steps, detail }, { raw }] = await Promise.all([
        handle.query<RunProgress>('progress'),
        handle.describe(),
      ]);
      const tried = raw.pendingActivities?.find(({ attempt }) => (attempt ?? 0) > 0);
      const lastFailure = tried?.lastFailure?.message ?? undefined;
      return { steps, step, detail, attempt: tried?.attempt ?? undefined, lastFailure };
    });
  } catch {
    return undefined;
  }
}
