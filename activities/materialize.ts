import { DefinitionError, type Json, type MaterializeMode, type MaterializeProgress, parseUtc } from '../src/index.js';
import type { ActivityDeps } from './lib/deps.js';
import { resumableStep } from './lib/resumable-step.js';
import type { StepInput } from './lib/step-input.js';

export interface MaterializeInput extends StepInput {
  readonly full?: Json | undefined;
  /** ISO times; both = only keys with rows in the window. */
  readonly start?: Json | undefined;
  readonly end?: Json | undefined;
  /** Of a window: rows up to it may come online; default: the window's end. */
  readonly upTo?: Json | undefined;
}

interface Materialized {
  readonly rowsIn: number;
  readonly rowsOut: number;
  readonly written: number;
  readonly reason: string | undefined;
  /** Of the lake, that was brought online. */
  readonly snapshot: number;
}

/** Brings a view online; the cursor kept with the heartbeat is how far the batches of the run's file are written. */
export const materialize = (deps: ActivityDeps, input: MaterializeInput) =>
  resumableStep<Materialized, MaterializeProgress>(deps, input, async ({ signal, resume, cursor }) => {
    const mode = modeOf(input);
    const end = upToOf(input);
    const result = await deps.store.steps.materialize(input, { mode, end, resume, signal, onCursor: cursor });
    return {
      rowsIn: result.keys,
      rowsOut: result.written + result.deleted,
      written: result.written,
      reason: result.reason,
      snapshot: result.snapshot,
    };
  });

function modeOf({ full, start, end }: MaterializeInput): MaterializeMode {
  if (full !== undefined && typeof full !== 'boolean') {
    throw new DefinitionError(`argument full is ${JSON.stringify(full)}`, { mend: 'write true or false' });
  }
  if (start === undefined && end === undefined) return { type: full === true ? 'full' : 'incremental' };
  const window = { type: 'window', start: parseUtc(String(start)), end: parseUtc(String(end)) } as const;
  if (
    full === true ||
    Number.isNaN(window.start.getTime()) ||
    Number.isNaN(window.end.getTime()) ||
    window.start > window.end
  ) {
    throw new DefinitionError(`start ${String(start)} and end ${String(end)} are no window`, {
      mend: 'give both as ISO times, start before end, and not with full',
    });
  }
  return window;
}

function upToOf({ start, upTo }: MaterializeInput): Date | undefined {
  if (upTo === undefined) return undefined;
  const time = parseUtc(String(upTo));
  if (start !== undefined && !Number.isNaN(time.getTime())) return time;
  throw new DefinitionError(`argument upTo is ${JSON.stringify(upTo)}`, {
    mend: 'give it as an ISO time, together with start and end',
  });
}
