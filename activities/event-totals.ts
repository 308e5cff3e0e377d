import type { EventCounts } from '../src/index.js';
import type { ActivityDeps } from './lib/deps.js';

/** What became of all events a view ever read; a run's own share is the difference. */
export const eventTotals = ({ store }: ActivityDeps, view: string): Promise<EventCounts> =>
  store.steps.eventTotals(view);
