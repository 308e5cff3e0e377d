import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '../config.js';
import type { Lake } from '../lake/index.js';
import { type FileHit, filesBelow, lookAtParquet } from './data-files.js';
import type { ForgottenKey } from './key.js';
import { hasValues, holds } from './text.js';

/** Where runs leave files beside the lake; `lineage` is the file of their OpenLineage events. */
const folders = ['staging', 'reports', 'logs', 'tmp'] as const;
export const runFolders = [...folders, 'lineage'] as const;

export type RunFolder = (typeof runFolders)[number];

export interface RunFilesLook {
  readonly files: number;
  readonly bytes: number;
  readonly hits: readonly (FileHit & { readonly folder: RunFolder; readonly modifiedMs: number })[];
  /** What DuckDB set aside on disk in processes at work; nobody else can read it, and it goes with them. */
  readonly spilled: number;
}

/** DuckDB's own files of rows that did not fit its memory. */
const isSpill = (file: string): boolean => /^duckdb_temp_/.test(path.basename(file));
/** A spill file that nobody wrote to for so long is of a process that was killed. */
const spillMaxAgeMs = 24 * 3_600_000;

/**
 * Reads everything that runs left beside the lake: staged rows, reports, logs.
 * @param lineageFile where OpenLineage events go, if that is a file.
 */
export async function lookAtRunFiles(
  lake: Lake,
  keys: readonly ForgottenKey[],
  { lineageFile, signal }: { lineageFile?: string | undefined; signal?: AbortSignal | undefined } = {},
): Promise<RunFilesLook> {
  const look = { files: 0, bytes: 0, spilled: 0, hits: [] as RunFilesLook['hits'][number][] };
  const roots = [...new Set([path.resolve(lake.sharedDirectory), path.resolve(lake.stateDir)])];
  const all: { folder: RunFolder; file: string }[] = roots.flatMap((root) =>
    folders.flatMap((folder) => filesBelow(path.join(root, folder)).map((file) => ({ folder, file }))),
  );
  if (lineageFile !== undefined) all.push({ folder: 'lineage', file: lineageFile });
  await lake.withSession(async (session) => {
    for (const { folder, file } of all) {
      signal?.throwIfAborted();
      const status = statSync(file, { throwIfNoEntry: false });
      if (status === undefined) continue;
      const { mtimeMs: modifiedMs } = status;
      look.files += 1;
      look.bytes += status.size;
      if (isSpill(file)) {
        if (Date.now() - status.mtimeMs < spillMaxAgeMs) look.spilled += 1;
        else look.hits.push({ file, folder, modifiedMs, rows: 0, problem: 'rows of a process that was killed' });
        continue;
      }
      const hit = /\.parquet(\.|$)/.test(path.basename(file))
        ? await lookWhenWritten(file, (one) => lookAtParquet(session, one, keys, 'rows and texts'), signal)
        : lookAtText({ folder, file }, keys);
      if (hit !== undefined && existsSync(hit.file)) look.hits.push({ ...hit, folder, modifiedMs });
    }
  });
  return look;
}

/** A file that a step is writing can't be read yet: until it stands under its own name, or nobody writes to it any more. */
async function lookWhenWritten(
  file: string,
  look: (file: string) => Promise<FileHit | undefined>,
  signal?: AbortSignal,
): Promise<FileHit | undefined> {
  for (;;) {
    const hit = await look(file);
    if (hit?.problem === undefined) return hit;
    const status = statSync(file, { throwIfNoEntry: false });
    if (status === undefined) {
      const own = file.replace(/\.[0-9a-f-]{36}\.tmp$/, '');
      return own === file ? undefined : lookWhenWritten(own, look, signal);
    }
    if (Date.now() - status.mtimeMs > limits.forgetWriterIdleMs) return hit;
    await sleep(200, undefined, { signal });
  }
}

function lookAtText({ folder, file }: { folder: RunFolder; file: string }, keys: readonly ForgottenKey[]) {
  try {
    const text = readFileSync(file, 'utf8');
    if (file.endsWith('.html')) return pageTells(file, text, keys) ? { file, rows: 1 } : undefined;
    if (!isLines(folder, file)) return holds(text, keys) ? { file, rows: 1 } : undefined;
    const rows = text.split('\n').filter((line) => holds(line, keys)).length;
    return rows === 0 ? undefined : { file, rows };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    return { file, rows: 0, problem: (error as Error).message };
  }
}

const isLines = (folder: RunFolder, file: string): boolean => folder === 'lineage' || /\.(ndjson|log|txt)$/.test(file);

/**
 * A page shows what the JSON files of its views hold, which may be gone; so its own words count too, numbers as they are written for
 * people. One that only counts so many rows goes as well: `asof report` makes it again.
 */
function pageTells(file: string, text: string, keys: readonly ForgottenKey[]): boolean {
  const beside = filesBelow(path.dirname(file)).filter((one) => one.endsWith('.json'));
  if (beside.some((one) => holds(readFileSync(one, 'utf8'), keys))) return true;
  const plain = text.replace(/(?<=\d),(?=\d{3})/g, '');
  return keys.some((key) => hasValues(text, key) || hasValues(plain, key));
}

/**
 * Removes what holds a key: of logs the lines, of all others the file. A page goes before the JSON by which it is judged.
 * @returns how many files, by folder.
 */
export function removeRunFiles(
  hits: RunFilesLook['hits'],
  keys: readonly ForgottenKey[],
): Partial<Record<RunFolder, number>> {
  const removed: Partial<Record<RunFolder, number>> = {};
  const pagesFirst = [...hits].sort((a, b) => Number(b.file.endsWith('.html')) - Number(a.file.endsWith('.html')));
  for (const { file, folder } of pagesFirst) {
    removed[folder] = (removed[folder] ?? 0) + 1;
    if (!isLines(folder, file)) {
      rmSync(file, { force: true });
      continue;
    }
    const lines = linesOf(file);
    // Another request, or upkeep, may have taken it away.
    if (lines === undefined) continue;
    // In its place: a process that logs appends to the same file.
    writeFileSync(file, lines.filter((line) => !holds(line, keys)).join('\n'));
  }
  return removed;
}

function linesOf(file: string): string[] | undefined {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
