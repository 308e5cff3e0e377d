import { DefinitionError, type Json, parseDuration } from '../src/index.js';
import type { ActivityDeps } from './lib/deps.js';
import { resumableStep } from './lib/resumable-step.js';
import type { StepCall } from './lib/step-input.js';

export interface MaintainLakeInput extends StepCall {
  /** Whether or not it is due. */
  readonly force?: Json | undefined;
  /** Snapshots since the last upkeep, and small files, from which on it is due. */
  readonly snapshots?: Json | undefined;
  readonly smallFiles?: Json | undefined;
  /** Time after which it is due, e.g. `1 hour`. */
  readonly every?: Json | undefined;
}

export interface MaintainLakeResult {
  /** Snapshots and files before and after: the step's rows. */
  readonly rowsIn: number;
  readonly rowsOut: number;
  readonly maintained: boolean;
  /** What was done, or why nothing was. */
  readonly summary: string;
}

/** Looks whether upkeep of the lake is due, and does it; cheap when it is not. Killed or stopped, it is done again from the start. */
export const maintainLake = (deps: ActivityDeps, input: MaintainLakeInput) =>
  resumableStep<MaintainLakeResult>(deps, input, async ({ signal, progress }) => {
    const { force = false, every } = input;
    if (typeof force !== 'boolean')
      throw new DefinitionError(`argument force is ${JSON.stringify(force)}`, { mend: 'write true or false' });
    const look = await deps.store.upkeep.look({
      snapshots: threshold('snapshots', input.snapshots),
      smallFiles: threshold('smallFiles', input.smallFiles),
      everyMs: every === undefined ? undefined : parseDuration('argument', 'every', every),
    });
    const { snapshots, files } = look.counts;
    const size = snapshots + files;
    if (look.due === undefined && !force) {
      const summary = `not due: ${look.newSnapshots} new of ${snapshots} snapshots, ${look.counts.smallFiles} small of ${files} files`;
      return { rowsIn: size, rowsOut: size, maintained: false, summary };
    }
    const { before, after, notes } = await deps.store.upkeep.maintain({ signal, onProgress: progress });
    const told = [
      `${look.due ?? 'asked for'}: ${before.snapshots} → ${after.snapshots} snapshots, ${before.files} → ${after.files} files`,
      ...notes,
    ];
    return {
      rowsIn: before.snapshots + before.files,
      rowsOut: after.snapshots + after.files,
      maintained: true,
      summary: told.join('\n').slice(0, 2_000),
    };
  });

function threshold(name: string, value: Json | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1) return value;
  throw new DefinitionError(`argument ${name} is ${JSON.stringify(value)}`, { mend: 'write a whole number from 1 on' });
}
