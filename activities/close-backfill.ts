import type { CloseBackfillRequest } from '../src/index.js';
import type { ActivityDeps } from './lib/deps.js';

/** Writes how a backfill ended and gives its range free. */
export const closeBackfill = ({ store }: ActivityDeps, input: CloseBackfillRequest): Promise<void> =>
  store.runs.backfills.close(input);
