import { isSingleRowRule } from '../definitions/expectations.js';
import { DataError } from '../errors.js';
import { evaluateExpectations, howMany } from '../quality/index.js';
import { cleaned } from './clean-step.js';
import { type EtlContext, stagingOf, viewColumns } from './etl-context.js';
import type { StepOptions, StepTarget } from './step.js';

/**
 * Refuses rows that break a rule about single rows, for pushes: there is no report to look at and nobody to set rows aside for.
 * Rules about a whole column or table, and those that see a row beside others (unique, monotonic, custom SQL), say nothing about a
 * few rows; `warn` lets them pass.
 * @throws DataError naming each broken rule and how many rows break it.
 */
export async function judgeRows(context: EtlContext, target: StepTarget, { signal }: StepOptions): Promise<void> {
  const { view, table } = context.view(target.view);
  const expectations = view.expect.filter(isSingleRowRule);
  const file = stagingOf(context, target).file(cleaned);
  const results = await context.lake.withSession((session) =>
    evaluateExpectations(session, { file, expectations, columns: viewColumns(view, table), signal }),
  );
  const broken = results.filter(({ passed, severity }) => !passed && severity !== 'warn');
  if (broken.length === 0) return;
  const named = broken.map((result) => `${result.expectation}: ${howMany(result)}`).join('; ');
  throw new DataError(`rows break the view's expectations: ${named}`, {
    where: `view ${view.name}`,
    mend: 'nothing was pushed; mend the rows, or give the expectation severity warn',
  });
}
