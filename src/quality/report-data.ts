import type { DriftResult } from './drift-result.js';
import type { ExpectationResult } from './expectation-result.js';
import type { Profile } from './profile-types.js';
import type { Quality } from './quality.js';

/** What is known of one run's data for one view: what report.json holds and report.html shows. */
export interface ReportData {
  readonly project: string;
  readonly view: string;
  readonly pipeline: string;
  readonly runId: string;
  /** The run in the Temporal Web UI. */
  readonly workflowUrl?: string | undefined;
  /** ISO time. */
  readonly startedAt: string;
  readonly source: ReportSource;
  readonly counts: ReportCounts;
  readonly quality: Quality;
  readonly profile: Profile;
  readonly expectations: readonly ExpectationResult[];
  /** One for each reference that the rows were compared with. */
  readonly drift?: readonly DriftResult[] | undefined;
  readonly notes: readonly string[];
}

export interface ReportSource {
  readonly name: string;
  /** Of a file. */
  readonly file?: string | undefined;
  readonly hash?: string | undefined;
  readonly bytes?: number | undefined;
  /** Of a database: where it is, and the table or query that was read. */
  readonly database?: string | undefined;
  readonly table?: string | undefined;
  readonly query?: string | undefined;
  /** From where to where a run read that reads only what is new. */
  readonly cursor?: { readonly column: string; readonly from?: string; readonly to?: string } | undefined;
  readonly rows: number;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly owner?: string | undefined;
}

/** Rows: read = duplicates + all of dropped + quarantined + what is left to publish. */
export interface ReportCounts {
  readonly read: number;
  readonly duplicates: number;
  /** Rows per reason. */
  readonly dropped: Readonly<Record<string, number>>;
  readonly quarantined: number;
  /** Absent in a report written before publish; the page then shows the rows to publish, or that there will be none. */
  readonly published?: number | undefined;
}
