import path from 'node:path';
import { shownPath } from '../lake/index.js';
import type { Stores } from './stores.js';
import { describeWrongs, qualityOf, recordVerification, writeVerifyReport } from './verify-report.js';
import type { VerifyCounts, VerifyResult } from './verify-result.js';

/** What a check of a run found. Small and plain: crosses to workflows; keys and times of what differs are in the report only. */
export interface VerifyReport extends VerifyCounts {
  readonly rowsIn: number;
  /** Keys with nothing wrong. */
  readonly rowsOut: number;
  readonly agrees: boolean;
  readonly quality: 'passed' | 'warned' | 'failed';
  /** Counts of what differs, for people. */
  readonly wrong: string;
  /** Relative to the project root where it lies below. */
  readonly report: string;
}

export interface VerifyStepRequest {
  readonly runId: string;
  readonly result: VerifyResult;
  readonly projectRoot: string;
  /** Whether the run is to fail for what differs. */
  readonly failOn: boolean;
}

/** Keeps what a check found: in a report, and in the lake with the run's record. */
export async function keepVerification(lake: Stores['lake'], request: VerifyStepRequest): Promise<VerifyReport> {
  const { runId, result, projectRoot, failOn } = request;
  const directory = path.join(lake.sharedDirectory, 'reports', runId, result.view);
  const report = shownPath(projectRoot, writeVerifyReport(directory, result));
  await recordVerification(lake, { runId, result, report, failOn });
  const { same, different, missing, unexpected, stale, pending, expired, keys, agrees } = result;
  return {
    ...{ same, different, missing, unexpected, stale, pending, expired, agrees, report },
    rowsIn: keys,
    rowsOut: same + pending + expired,
    quality: qualityOf(result, failOn),
    wrong: agrees ? '' : describeWrongs(result),
  };
}
