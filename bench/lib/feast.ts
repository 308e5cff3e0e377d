import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** What every script that runs Feast prints as its last line. */
export interface FeastFigures {
  readonly seconds: readonly number[];
  readonly version: string;
  readonly peakMegabytes: number;
}

/**
 * Runs a script beside the benchmarks with the Python that ASOF_BENCH_FEAST_PYTHON names, one that has feast[duckdb]==0.67.
 * @returns its figures; `undefined`, and says so, when no Python is named.
 */
export async function runFeast<F extends FeastFigures>(
  script: string,
  args: readonly string[],
): Promise<F | undefined> {
  const python = process.env['ASOF_BENCH_FEAST_PYTHON'];
  if (python === undefined) {
    console.log('  Feast: skipped, ASOF_BENCH_FEAST_PYTHON names no Python with feast[duckdb]==0.67');
    return undefined;
  }
  const file = fileURLToPath(new URL(`../${script}`, import.meta.url));
  const { stdout } = await promisify(execFile)(python, [file, ...args], { maxBuffer: 1 << 24 });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as F;
}

export const listSeconds = ({ seconds }: FeastFigures): string => seconds.map((s) => s.toFixed(2)).join(', ');
