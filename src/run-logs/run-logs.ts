import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { DefinitionError } from '../errors.js';
import { RunLogReader } from './log-reader.js';
import { isRunId, RunLogWriter } from './log-writer.js';
import { fits, type LogFilter, type RunLogLine } from './run-log.js';

/** The logs of runs: what their steps said while they were at work, beside what the lake records of their end. */
export class RunLogs {
  readonly #directory: string;
  readonly #writer: RunLogWriter;

  /** @param sharedDirectory which every host of the steps sees; the logs lie below it, a folder for each run. */
  constructor(sharedDirectory: string) {
    this.#directory = path.join(sharedDirectory, 'logs');
    this.#writer = new RunLogWriter(this.#directory);
  }

  /** Keeps a line. Never fails: what a full disk has no room for is dropped and counted. */
  write(runId: string, line: Omit<RunLogLine, 'at' | 'worker'>): void {
    this.#writer.write(runId, line);
  }

  /**
   * The lines of a run, oldest first; none when it logged nothing or its log has expired.
   * @param limit only the last ones.
   */
  read(runId: string, { limit, ...filter }: LogFilter & { readonly limit?: number | undefined } = {}): RunLogLine[] {
    const lines = this.follow(runId).next().filter(fits(filter));
    return limit === undefined ? lines : lines.slice(Math.max(0, lines.length - limit));
  }

  /** The last lines of a run. */
  last(runId: string, limit: number): RunLogLine[] {
    return this.read(runId, { limit });
  }

  /** Reads on where it stopped, each time it is asked for what is new. */
  follow(runId: string): RunLogReader {
    return new RunLogReader(this.#folder(runId));
  }

  has(runId: string): boolean {
    return existsSync(this.#folder(runId));
  }

  /** Removes a run's log. */
  remove(runId: string): void {
    rmSync(this.#folder(runId), { recursive: true, force: true });
  }

  #folder(runId: string): string {
    if (isRunId(runId)) return path.join(this.#directory, runId);
    throw new DefinitionError(`"${runId}" is no run id`, { mend: '`asof runs` lists them' });
  }
}
