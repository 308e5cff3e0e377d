import { appendFileSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { limits } from '../config.js';
import type { RunLogLine } from './run-log.js';

const worker = `${process.pid}@${os.hostname()}`;

let lastMs = 0;
let within = 0;

/** The time, with what was the how manieth line of its millisecond: lines of one process keep their order across its files. */
function now(): string {
  const ms = Date.now();
  within = ms === lastMs ? Math.min(within + 1, 999) : 0;
  lastMs = ms;
  return new Date(ms).toISOString().replace('Z', `${String(within).padStart(3, '0')}Z`);
}

/** What has to be known of a run to keep its log small. */
interface Kept {
  /** Of all files of the run, when they were looked at last, and what was written here since. */
  bytes: number;
  lookAgainAt: number;
  /** Lines that could not be written since the last one that could. */
  dropped: number;
  isCut: boolean;
}

/**
 * Appends to the logs of runs: a file for each process and step, because several hosts may write at once. Writing never fails and
 * never waits for anything but the disk: what can't be kept is dropped and counted.
 */
export class RunLogWriter {
  readonly #directory: string;
  readonly #maxBytes: number;
  readonly #runs = new Map<string, Kept>();

  /** @param maxBytes of all files of one run. */
  constructor(directory: string, maxBytes: number = limits.runLogBytesMax) {
    this.#directory = directory;
    this.#maxBytes = maxBytes;
  }

  write(runId: string, line: Omit<RunLogLine, 'at' | 'worker'>): void {
    if (!isRunId(runId)) return;
    const kept = this.#kept(runId);
    try {
      const folder = path.join(this.#directory, runId);
      mkdirSync(folder, { recursive: true });
      this.#look(kept, folder);
      // What went wrong still finds room where all the rest has ended.
      const max = line.level === 'info' ? this.#maxBytes : this.#maxBytes * 1.25;
      const text = textOf(line, kept.dropped);
      if (kept.bytes + text.length > max) {
        if (kept.isCut) return;
        kept.isCut = true;
        const cut = { ...line, level: 'warn' as const, message: cutMessage(this.#maxBytes), fields: undefined };
        this.#append(kept, folder, line, textOf(cut, kept.dropped));
        return;
      }
      this.#append(kept, folder, line, text);
    } catch {
      kept.dropped += 1;
    }
  }

  #append(kept: Kept, folder: string, { step, view }: Pick<RunLogLine, 'step' | 'view'>, text: string): void {
    const name = `${worker}-${step}${view === undefined ? '' : `-${view}`}`.replace(/[^A-Za-z0-9@._-]+/g, '_');
    // A line that a full disk cut in two ends here, and the next one is whole.
    appendFileSync(path.join(folder, `${name.slice(0, 200)}.ndjson`), kept.dropped > 0 ? `\n${text}` : text);
    kept.bytes += text.length;
    kept.dropped = 0;
  }

  /** Others write to the same run: now and then all of its files are looked at. */
  #look(kept: Kept, folder: string): void {
    if (kept.bytes < kept.lookAgainAt) return;
    const sizes = readdirSync(folder).map((name) => statSync(path.join(folder, name)).size);
    kept.bytes = sizes.reduce((sum, size) => sum + size, 0);
    kept.lookAgainAt = kept.bytes + this.#maxBytes / 16;
  }

  #kept(runId: string): Kept {
    const known = this.#runs.get(runId) ?? { bytes: 0, lookAgainAt: 0, dropped: 0, isCut: false };
    // Last written, last forgotten.
    this.#runs.delete(runId);
    this.#runs.set(runId, known);
    for (const [oldest] of this.#runs) {
      if (this.#runs.size <= limits.runLogsOpenMax) break;
      this.#runs.delete(oldest);
    }
    return known;
  }
}

/** Run ids name folders. */
export const isRunId = (text: string): boolean => /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(text);

const cutMessage = (bytes: number): string =>
  `the log of this run has reached ${Math.round(bytes / 1024).toLocaleString('en')} KB; from here on only warnings and errors are kept, while there is room`;

function textOf({ message, fields, ...line }: Omit<RunLogLine, 'at' | 'worker'>, dropped: number): string {
  const told = { ...fields, ...(dropped === 0 ? {} : { linesLost: dropped }) };
  const small = JSON.stringify(told).length <= limits.runLogLineCharsMax ? told : { cut: true };
  const text = message.slice(0, limits.runLogLineCharsMax);
  return `${JSON.stringify({
    at: now(),
    ...line,
    worker,
    message: text,
    ...(Object.keys(small).length === 0 ? {} : { fields: small }),
  })}\n`;
}
