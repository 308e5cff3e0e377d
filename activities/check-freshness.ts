import {
  DefinitionError,
  describeStale,
  type FeatureStore,
  formatDuration,
  type Json,
  mendOfStale,
} from '../src/index.js';
import { step } from './lib/step.js';

export interface CheckFreshnessInput {
  /** Names of views; default: all that promise a freshness. */
  readonly views?: Json | undefined;
  /** true = the run is to fail when a promise is broken. */
  readonly failOn?: Json | undefined;
}

/** What a check found. Small: crosses to the workflow. */
export interface FreshnessReport {
  /** Views that were judged. */
  readonly rowsIn: number;
  /** Those that keep their promise. */
  readonly rowsOut: number;
  readonly quality: 'passed' | 'warned' | 'failed';
  /** A line for each view that does not, the first of them. */
  readonly stale: readonly string[];
}

const linesMax = 20;

/** Warns of views whose newest event is older than they promise, in the lake or online. */
export const checkFreshness = step<CheckFreshnessInput, FreshnessReport>(
  async ({ store }, { views, failOn }, { log }) => {
    const found = await store.freshness(viewsToJudge(store, views));
    const stale: string[] = [];
    for (const one of found) {
      const { view, verdict, promiseMs, lake, online } = one;
      const fields = {
        promised: promiseMs === null ? null : formatDuration(promiseMs),
        lake: lake.newestEvent,
        online: online.newestEvent,
      };
      if (verdict === 'stale') {
        stale.push(`view ${view}: ${describeStale(one)}`);
        log(`view ${view}: ${describeStale(one)} → ${mendOfStale(one)}`, fields, 'warn');
      } else log(`view ${view}: ${verdict}`, fields);
    }
    const rowsIn = found.filter(({ verdict }) => verdict === 'fresh' || verdict === 'stale').length;
    const quality = stale.length === 0 ? 'passed' : failOn === true ? 'failed' : 'warned';
    const more = stale.length > linesMax ? [`and ${stale.length - linesMax} more views`] : [];
    return { rowsIn, rowsOut: rowsIn - stale.length, quality, stale: [...stale.slice(0, linesMax), ...more] };
  },
);

/** @throws DefinitionError for a view that promises nothing: a check of it would say nothing for ever. */
function viewsToJudge({ repo: { views } }: FeatureStore, asked: Json | undefined): string[] {
  const promising = [...views.values()].filter(({ freshnessMs }) => freshnessMs !== undefined).map(({ name }) => name);
  if (asked === undefined) return promising;
  const names = asked as readonly string[];
  const silent = names.find((name) => views.has(name) && !promising.includes(name));
  if (silent === undefined) return [...names];
  throw new DefinitionError(`view "${silent}" promises no freshness`, {
    mend: "add freshness: '2 hours' to its definition and apply, or leave it out",
  });
}
