import type { ExpectationResult } from './evaluate-expectations.js';
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
  readonly notes: readonly string[];
}

export interface ReportSource {
  readonly name: string;
  readonly file: string;
  readonly hash: string;
  readonly bytes: number;
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
