import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import path from 'node:path';
import type { RunLogLine } from './run-log.js';

/** Reads a run's log, and goes on where it stopped: its files together, in the order of time. */
export class RunLogReader {
  readonly #folder: string;
  /** Bytes of whole lines read of each file. */
  readonly #read = new Map<string, number>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** What was written since the last call. */
  next(): RunLogLine[] {
    if (!existsSync(this.#folder)) return [];
    const names = readdirSync(this.#folder).filter((name) => name.endsWith('.ndjson'));
    const lines = names.sort().flatMap((name) => this.#nextOf(name));
    return lines.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  }

  #nextOf(name: string): RunLogLine[] {
    const start = this.#read.get(name) ?? 0;
    const bytes = readFrom(path.join(this.#folder, name), start);
    // A line that is being written has no end yet.
    const end = bytes.lastIndexOf(0x0a) + 1;
    this.#read.set(name, start + end);
    return bytes.subarray(0, end).toString('utf8').split('\n').flatMap(parse);
  }
}

function readFrom(file: string, start: number): Buffer {
  const handle = openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(Math.max(0, statSync(file).size - start));
    return bytes.subarray(0, readSync(handle, bytes, 0, bytes.length, start));
  } finally {
    closeSync(handle);
  }
}

/** Lines cut by a full disk or a crash are left out. */
function parse(text: string): RunLogLine[] {
  if (text === '') return [];
  try {
    const line = JSON.parse(text) as Partial<RunLogLine> | null;
    return typeof line?.at === 'string' && typeof line.message === 'string' ? [line as RunLogLine] : [];
  } catch {
    return [];
  }
}
