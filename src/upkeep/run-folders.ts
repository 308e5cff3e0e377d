import { readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Lake } from '../lake/index.js';
import type { UpkeepWork } from './context.js';

/**
 * Removes what runs that ended long ago left beside the lake: staging files, logs and reports. What belongs to no run that is known
 * (a push, a run whose record is gone) goes by its own age.
 * @returns how many files and folders.
 */
export async function removeRunFolders({ lake, rules, dryRun, signal }: UpkeepWork): Promise<number> {
  const runs = await knownRuns(lake);
  const folders = { staging: rules.keepStagingMs, logs: rules.keepRunsMs, reports: rules.keepRunsMs };
  let removed = 0;
  for (const [folder, keepMs] of Object.entries(folders)) {
    const directory = path.join(lake.sharedDirectory, folder);
    const before = Date.now() - keepMs;
    for (const name of namesIn(directory)) {
      signal?.throwIfAborted();
      const closedAt = runs.get(runOf(name, runs));
      const ended = closedAt === undefined ? newestIn(path.join(directory, name)) : closedAt;
      if (ended >= before) continue;
      removed += 1;
      if (!dryRun) rmSync(path.join(directory, name), { recursive: true, force: true });
    }
  }
  return removed;
}

/** Logs are called by their run, with or without an ending. */
const runOf = (name: string, runs: ReadonlyMap<string, number>): string =>
  runs.has(name) ? name : path.parse(name).name;

const namesIn = (directory: string): string[] => {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
};

/** When something in it was last written; never, when it is gone already. */
function newestIn(place: string): number {
  const found = statSync(place, { throwIfNoEntry: false });
  if (found === undefined) return Number.POSITIVE_INFINITY;
  if (!found.isDirectory()) return found.mtimeMs;
  return Math.max(found.mtimeMs, ...namesIn(place).map((name) => newestIn(path.join(place, name))));
}

/** Runs of all projects, which may share the folder, with the time each was closed; infinite = it is open. */
async function knownRuns(lake: Lake): Promise<Map<string, number>> {
  const runs = new Map<string, number>();
  for (const table of await lake.everywhere('run_events')) {
    const rows = await lake.all<{ run_id: string; closed: Date | null }>(
      `SELECT run_id, max(recorded_at) FILTER (event = 'closed') AS closed FROM ${table} GROUP BY run_id`,
    );
    for (const { run_id, closed } of rows) runs.set(run_id, closed?.getTime() ?? Number.POSITIVE_INFINITY);
  }
  return runs;
}
