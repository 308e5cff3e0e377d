import type { Expectation } from '../definitions/expectations.js';
import { type DriftResult, type ExpectationResult, judgeDrift } from '../quality/index.js';
import { type EtlContext, viewColumns } from './etl-context.js';
import type { StepOptions, StepTarget } from './step.js';

/**
 * Puts what is found of drift in the place of the view's drift rules. Of the rows to publish, not of those set aside: history has
 * none of these.
 * @param judged what is known of the view's expectations, in their order.
 */
export async function judgeDrifts(
  context: EtlContext,
  { runId, view: name }: StepTarget,
  { file, judged, signal, onProgress }: StepOptions & { file: string; judged: readonly ExpectationResult[] },
): Promise<{ results: ExpectationResult[]; drift: DriftResult[] }> {
  const { view, table } = context.view(name);
  const expectations: readonly Expectation[] = view.expect;
  const results = [...judged];
  const drift: DriftResult[] = [];
  for (const [index, rule] of expectations.entries()) {
    if (rule.rule !== 'no_drift') continue;
    const message = `compare ${name} with its history`;
    onProgress?.({ message });
    const found = await judgeDrift(context.lake, rule, {
      file,
      runId,
      table,
      columns: viewColumns(view, table),
      signal,
      onColumn: (done, of) => onProgress?.({ message: `${message}: column ${done} of ${of}` }),
    });
    results[index] = found.result;
    drift.push(found.drift);
  }
  return { results, drift };
}
