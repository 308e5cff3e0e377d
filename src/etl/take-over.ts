import { existsSync } from 'node:fs';
import path from 'node:path';
import { DefinitionError, StoreUnavailableError } from '../errors.js';
import { firstLine } from '../lake/index.js';
import { cleaned } from './clean-step.js';
import { type EtlContext, stagingOf } from './etl-context.js';
import { quarantined, validated } from './explore-step.js';
import { ingested } from './ingest-step.js';
import { madeUnder, type StagedStep, stagedStepOf, stagedSteps, stepTitles } from './staged-steps.js';
import type { Staging } from './staging.js';
import type { ExploreReport } from './step.js';

/** What of one view a run can take over from another: whole steps, in order from the first. */
export interface TakeOver {
  readonly view: string;
  /** Whether the other run kept any step of the view. */
  readonly isKept: boolean;
  readonly reused: readonly StagedStep[];
  /** Why the step after them is done anew, where one might have expected otherwise. */
  readonly why: string | undefined;
}

/** The run that is done again, and the step from which on: `clean`, or of one view only, `clean driver_stats`. */
export interface TakeOverFrom {
  readonly runId: string;
  readonly from?: string | undefined;
}

const filesOf: Readonly<Record<StagedStep, readonly string[]>> = {
  ingest: [ingested],
  clean: [cleaned],
  explore: [validated, quarantined],
  publish: [],
};

/**
 * What a run can take over of a view. A step is taken over when it was completed under the definitions of now and what the next
 * one reads is still there; publications always are, for they would add nothing.
 */
function planTakeOver(context: EtlContext, view: string, { runId, from }: TakeOverFrom): TakeOver {
  const staging = stagingOf(context, { runId, view });
  const wanted = fromFor(view, from);
  const limit = wanted === undefined ? stagedSteps.length : stagedSteps.indexOf(wanted);
  const isSame = (step: StagedStep): boolean => staging.madeUnder(step) === madeUnder(context, view, step);
  const isKept = stagedSteps.some((step) => staging.has(`${step}.json`));
  if (!isKept && limit > 0) {
    const isGone = !existsSync(path.dirname(path.dirname(staging.file('any'))));
    return { view, isKept, reused: [], why: isGone ? 'the run kept nothing of it, or that has expired' : undefined };
  }
  if (limit === stagedSteps.length && staging.has('publish.json') && isSame('publish'))
    return { view, isKept, reused: stagedSteps, why: undefined };
  const before = stagedSteps.slice(0, limit);
  const undone = before.findIndex((step) => !staging.has(`${step}.json`));
  const changed = before.slice(0, undone < 0 ? limit : undone).findIndex((step) => !isSame(step));
  let count = changed >= 0 ? changed : undone >= 0 ? undone : limit;
  let why = changed < 0 ? undefined : 'the definitions of the view or its source have changed since';
  if (changed < 0 && undone >= 0 && wanted !== undefined) why = 'the run did not complete it';
  while (count > 0 && !hasInput(staging, count)) {
    count -= 1;
    why = 'the rows that it kept are gone';
  }
  return { view, isKept, reused: stagedSteps.slice(0, count), why };
}

/**
 * What a run can take over, view by view.
 * @param into the run that does so, if it shall be done and not only looked at; its steps then find what they did. May be called again.
 * @throws StoreUnavailableError when the files can't be taken over.
 */
export function takeOver(
  contextOf: (view: string) => Promise<EtlContext>,
  from: TakeOverFrom,
  views: readonly string[],
  into?: string,
): Promise<TakeOver[]> {
  return Promise.all(
    views.map(async (view) => {
      const context = await contextOf(view);
      const plan = planTakeOver(context, view, from);
      if (into !== undefined) await link(stagingOf(context, { runId: into, view }), context, plan, from);
      return plan;
    }),
  );
}

async function link(
  own: Staging,
  context: EtlContext,
  { view, reused }: TakeOver,
  { runId }: TakeOverFrom,
): Promise<void> {
  try {
    for (const step of reused) await own.takeOver(stagingOf(context, { runId, view }), runId, step, filesOf[step]);
  } catch (error) {
    if (error instanceof StoreUnavailableError) throw error;
    throw new StoreUnavailableError(`what run ${runId} kept of view ${view} can't be taken over: ${firstLine(error)}`, {
      mend: 'free disk space or mend the permissions of the staging folder',
      cause: error,
    });
  }
}

/** Whether what the so-and-so-many steps before a step left is there for it to read. */
function hasInput(staging: Staging, step: number): boolean {
  const name = stagedSteps[step];
  if (name === undefined) return true;
  const input = filesOf[stagedSteps[step - 1] as StagedStep][0] as string;
  if (!staging.has(input)) return false;
  return name !== 'publish' || staging.result<ExploreReport>('explore').quarantined === 0 || staging.has(quarantined);
}

/**
 * Checks the name of the step to go on from.
 * @throws DefinitionError naming the steps and views there are.
 */
export function checkFrom(from: string, views: readonly string[]): void {
  const [name, view] = partsOf(from, views);
  if (stagedStepOf(name) !== undefined && (view === undefined || views.includes(view))) return;
  throw new DefinitionError(`there is no step "${from}" to go on from`, {
    mend: `the steps are ${stagedSteps.map((step) => stepTitles[step]).join(', ')}; of one view only, write e.g. "clean ${views[0] ?? 'my_view'}"`,
  });
}

const partsOf = (from: string, views: readonly string[]): [string, string | undefined] => {
  const view = views.find((name) => from.trim().endsWith(` ${name}`));
  return view === undefined ? [from, undefined] : [from.trim().slice(0, -view.length), view];
};

/** The step from which on a view is done again; `undefined` = the first that was not completed. */
function fromFor(view: string, from: string | undefined): StagedStep | undefined {
  if (from === undefined) return undefined;
  return stagedStepOf(from) ?? stagedStepOf(partsOf(from, [view])[1] === undefined ? '' : partsOf(from, [view])[0]);
}
