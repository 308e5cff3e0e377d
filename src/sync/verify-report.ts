import { randomUUID } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { StoreUnavailableError } from '../errors.js';
import { firstLine, type Lake } from '../lake/index.js';
import { syncPath } from '../lake/parquet-file.js';
import type { VerifyResult } from './verify-result.js';
import { wrongs } from './verify-verdict.js';

const meanings = {
  different: 'its values or times differ',
  missing: 'it is not online',
  unexpected: 'it is online, and the lake has no row',
  stale: 'an older row is online',
} as const;

/** `different 3, stale 1`, or that there is no cursor to go by. */
export function describeWrongs(result: VerifyResult): string {
  const found = wrongs.filter((is) => result[is] > 0).map((is) => `${is} ${result[is]}`);
  if (found.length === 0 && result.reason !== undefined) return `pending ${result.pending}: ${result.reason}`;
  return found.join(', ');
}

/**
 * Writes a check's result, examples included, as `verify.json` into a folder, whole or not at all.
 * @returns its path.
 * @throws StoreUnavailableError when the folder can't be written.
 */
export function writeVerifyReport(directory: string, result: VerifyResult): string {
  const file = path.join(directory, 'verify.json');
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    mkdirSync(directory, { recursive: true });
    writeFileSync(temporary, `${JSON.stringify(result, undefined, 2)}\n`);
    syncPath(temporary);
    renameSync(temporary, file);
    return file;
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new StoreUnavailableError(`the report can't be written: ${firstLine(error)}`, {
      where: directory,
      mend: 'free disk space or mend the permissions of the folder',
      cause: error,
    });
  }
}

/**
 * Keeps a check's result with its run, beside what validations found: one line per kind of difference, with examples. Also when
 * the step is done again there is one result per run and view.
 */
export async function recordVerification(
  lake: Lake,
  { runId, result, report, failOn }: { runId: string; result: VerifyResult; report: string; failOn: boolean },
): Promise<void> {
  const quality = qualityOf(result, failOn);
  const found = wrongs.map((is) => ({ is, about: meanings[is], failed: result[is], passed: result[is] === 0 }));
  const comparable = result.agrees || result.cursor !== undefined;
  const cursor = { is: undefined, about: `no cursor: ${result.reason}`, failed: result.pending, passed: comparable };
  const expectations = [...found, ...(result.cursor === undefined ? [cursor] : [])].map(
    ({ is, about, failed, passed }) => ({
      expectation: `online equals the lake; broken where ${about}`,
      rule: 'online_equals_lake',
      columns: [],
      severity: failOn ? 'error' : 'warn',
      tolerate: 0,
      checked: result.keys,
      failed,
      observed: null,
      passed,
      examples: result.examples
        .filter((example) => example.is === is)
        .map(({ key, fields, expected, found: online }) => ({
          ...key,
          'expected at': expected,
          'online at': online?.at,
          differs: fields.join(', '),
        })),
    }),
  );
  await lake.transaction({ message: `check of ${result.view} (run ${runId})` }, async (session) => {
    const table = lake.system('validation_results');
    await session.run(`DELETE FROM ${table} WHERE run_id = $1 AND view_name = $2`, [runId, result.view]);
    await session.run(
      `INSERT INTO ${table} (run_id, view_name, recorded_at, quality, profile, expectations, report)
       VALUES ($1, $2, now(), $3, $4, $5, $6)`,
      [
        runId,
        result.view,
        quality,
        JSON.stringify({ rows: result.keys, quantilesAreApproximate: false, columns: [] }),
        JSON.stringify(expectations),
        report,
      ],
    );
  });
}

/** As of a validation: `warned` = both stores differ, and the run was told not to fail for it. */
export const qualityOf = (result: VerifyResult, failOn: boolean): 'passed' | 'warned' | 'failed' =>
  result.agrees ? 'passed' : failOn ? 'failed' : 'warned';
