import { patched, setCurrentDetails } from '@temporalio/workflow';
import type { BackfillInput, ContinuedBackfill, OpenedBackfill } from './backfill-contract.js';
import {
  type BackfillState,
  count,
  describeBackfill,
  ended,
  type Interval,
  nothingYet,
  type Outcome,
  pace,
  type Tally,
} from './backfill-progress.js';
import { runInterval } from './run-interval.js';

/** What is left to do of a backfill, what is at work, and what it is told from outside. */
export class BackfillWork {
  parallel: number;
  isStopping = false;
  #isPaused: boolean;
  /** Why it paused by itself. */
  #reason: string | undefined;
  #opened: OpenedBackfill | undefined;
  #tally: Tally;
  /** What of the range no page has told of yet. */
  #rest: Interval | undefined;
  readonly #queue: Interval[] = [];
  readonly #atWork = new Set<Interval>();
  /** Since when it is at work without a pause. */
  #since = Date.now();
  readonly #input: BackfillInput;

  constructor(input: BackfillInput, continued: ContinuedBackfill | undefined) {
    this.#input = input;
    this.parallel = continued?.parallel ?? input.parallel;
    this.#isPaused = continued?.isPaused ?? false;
    this.#reason = continued?.reason;
    this.#opened = continued?.opened;
    this.#tally = continued?.tally ?? nothingYet;
    this.#rest = continued?.rest;
  }

  open(opened: OpenedBackfill): void {
    this.#opened = opened;
    this.#rest = opened.total === 0 ? undefined : opened.range;
    this.#since = Date.now();
    this.show();
  }

  get opened(): OpenedBackfill {
    if (this.#opened === undefined) throw new Error('the backfill is not open yet');
    return this.#opened;
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#tally = this.#worked();
    this.#isPaused = true;
    this.show();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#reason = undefined;
    this.#since = Date.now();
    this.show();
  }

  stop(): void {
    this.isStopping = true;
    this.show();
  }

  setParallel(parallel: number): void {
    if (Number.isInteger(parallel) && parallel >= 1) this.parallel = parallel;
    this.show();
  }

  get isIdle(): boolean {
    return this.#atWork.size === 0;
  }

  /** Whether the next run may start, of those that are known. */
  get isReady(): boolean {
    return !this.#isPaused && this.#atWork.size < this.parallel;
  }

  /** What has to be asked for before more can be started. */
  get unplanned(): Interval | undefined {
    return this.#queue.length === 0 ? this.#rest : undefined;
  }

  get isAllStarted(): boolean {
    return this.#queue.length === 0 && this.#rest === undefined;
  }

  plan({ intervals, rest }: { readonly intervals: readonly Interval[]; readonly rest?: Interval | undefined }): void {
    this.#queue.push(...intervals);
    this.#rest = rest;
  }

  /** Starts the run of the next interval; it counts itself when it ends. */
  startNext(): void {
    const interval = this.#queue.shift();
    if (interval === undefined) return;
    this.#atWork.add(interval);
    this.show();
    void runInterval(this.#input, this.opened, interval).then((outcome) => this.#end(interval, outcome));
  }

  #end(interval: Interval, outcome: Outcome): void {
    this.#atWork.delete(interval);
    // Histories of older versions went on, and failed one interval after the other.
    if (outcome.ended === 'refused' && patched('pause at refused runs')) this.#putBack(interval, outcome.why);
    else this.#tally = count(this.#worked(), interval, outcome);
    this.show();
  }

  /** What refused this run would refuse the next ones: it is run again when the definitions were mended. */
  #putBack(interval: Interval, why: string): void {
    this.#queue.push(interval);
    const order = this.#input.reverse ? -1 : 1;
    this.#queue.sort((a, b) => (a.start < b.start ? -order : order));
    this.pause();
    this.#reason ??= why.split('\n')[0];
  }

  #worked(): Tally {
    if (this.#isPaused) return this.#tally;
    const now = Date.now();
    const workedMs = this.#tally.workedMs + now - this.#since;
    this.#since = now;
    return { ...this.#tally, workedMs };
  }

  get tally(): Tally {
    return this.#tally;
  }

  /** All that a new execution needs, once nothing is at work; what was planned, but not started, is planned again. */
  toContinue(): ContinuedBackfill {
    const [next] = this.#queue;
    const { range } = this.opened;
    const rest = this.#rest ?? range;
    const left =
      next === undefined
        ? rest
        : this.#input.reverse
          ? { start: range.start, end: next.end }
          : { start: next.start, end: range.end };
    return {
      opened: this.opened,
      tally: this.#worked(),
      rest: left,
      parallel: this.parallel,
      isPaused: this.#isPaused,
      ...(this.#reason === undefined ? {} : { reason: this.#reason }),
    };
  }

  state(over?: BackfillState['status']): BackfillState {
    const opened = this.#opened;
    const { start = this.#input.from, end = this.#input.to } = opened?.range ?? {};
    const { done, failed, skipped, failures, skips } = this.#tally;
    const total = Math.max(opened?.total ?? 0, ended(this.#tally) + this.#atWork.size);
    return {
      pipeline: this.#input.pipeline,
      ...(this.#reason === undefined || over !== undefined ? {} : { reason: this.#reason }),
      status: over ?? (this.isStopping ? 'stopping' : this.#isPaused ? 'paused' : 'running'),
      range: { start, end },
      parallel: this.parallel,
      counts: { total, done, failed, skipped, running: this.#atWork.size },
      current: [...this.#atWork],
      failures,
      skips,
      ...pace(this.#tally, total),
    };
  }

  show(over?: BackfillState['status']): void {
    setCurrentDetails(describeBackfill(this.state(over)));
  }
}
