import type { DriftResult } from './drift-result.js';
import type { ExpectationResult } from './expectation-result.js';
import type { Profile, SampleRows } from './profile-types.js';
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
  /** Which data the run was for: event times, ISO, the end not included. */
  readonly interval?: { readonly start: string; readonly end: string } | undefined;
  /** By which definitions: the version of the registry, and the identity of the view's transform. */
  readonly registryVersion?: number | undefined;
  readonly transform?: string | undefined;
  readonly joinKeys?: readonly string[] | undefined;
  /** Absent where no rows were read: a check of what is online. */
  readonly source?: ReportSource | undefined;
  readonly counts?: ReportCounts | undefined;
  readonly quality: Quality;
  readonly profile: Profile;
  readonly expectations: readonly ExpectationResult[];
  /** One for each reference that the rows were compared with. */
  readonly drift?: readonly DriftResult[] | undefined;
  /** Some of the rows; only in the report's own files. */
  readonly sample?: SampleRows | undefined;
  /** The report's file was gone, and this is what the lake keeps: no sample rows, no values of join keys. */
  readonly isRecovered?: boolean | undefined;
  readonly notes: readonly string[];
}

/** What the lake keeps of a report beside profile, expectations and drift, to make it again. No values of rows. */
export type ReportFacts = Omit<ReportData, 'quality' | 'profile' | 'expectations' | 'drift' | 'sample' | 'isRecovered'>;

export const factsOf = ({
  quality,
  profile,
  expectations,
  drift,
  sample,
  isRecovered,
  ...facts
}: ReportData): ReportFacts => facts;

/**
 * A profile for the lake, whose copies outlive the report's files: without the values of join keys, which name people, so that
 * forgetting one need not look for it here.
 */
export const withoutKeyValues = (profile: Profile, joinKeys: readonly string[]): Profile => ({
  ...profile,
  columns: profile.columns.map((column) =>
    joinKeys.includes(column.name)
      ? { ...column, min: null, max: null, mean: null, stddev: null, quantiles: null, histogram: [], topValues: [] }
      : column,
  ),
});

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
  /** The column that says when a row was made; without one no row has a created time. */
  readonly createdTimestampField?: string | undefined;
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
