import type { ExpectationResult, FeatureStore, StepRecord } from '../index.js';
import { howMany, shownExample } from '../quality/index.js';
import { printTable, seconds } from './output.js';

export function printSteps(steps: readonly StepRecord[]): void {
  if (steps.length === 0) {
    console.log('no step is done');
    return;
  }
  printTable(
    steps.map(({ name, status = 'completed', startedAt, attempts, rowsIn, rowsOut, durationMs }) => ({
      step: name,
      status,
      // Records of older versions don't say.
      ...(startedAt === undefined ? {} : { started: startedAt.slice(11, 19) }),
      took: seconds(durationMs),
      attempts,
      'rows in': rowsIn.toLocaleString('en'),
      'rows out': rowsOut.toLocaleString('en'),
    })),
  );
}

/** What the validation of a run found wrong, with example rows; they live in the lake, not in workflow histories. */
export async function printFailedExpectations(store: FeatureStore, runId: string): Promise<void> {
  for (const { view, expectations } of await store.steps.validationResults(runId)) {
    for (const result of expectations.filter(({ passed }) => !passed)) {
      console.log(
        `\n${result.severity} ${view}: ${result.expectation}: ${howMany(result, (count) => count.toLocaleString('en'))}`,
      );
      if (result.examples.length > 0) printTable(result.examples.map(shownExample));
    }
  }
}

/** The same for machines. */
export async function failedExpectations(
  store: FeatureStore,
  runId: string,
): Promise<(ExpectationResult & { view: string })[]> {
  const results = await store.steps.validationResults(runId);
  return results.flatMap(({ view, expectations }) =>
    expectations.filter(({ passed }) => !passed).map((result) => ({ view, ...result })),
  );
}
