import type { JsonValue } from './profile-types.js';

/**
 * How a column was compared. `ks`: two-sample Kolmogorov-Smirnov; `chi_squared`: of the counts per value; both give a p-value.
 * `wasserstein`: distance over the reference's standard deviation; `jensen_shannon`: distance (0..1, base 2) of the shares per value.
 */
export type DriftMethod = 'ks' | 'wasserstein' | 'chi_squared' | 'jensen_shannon';

/** One bar of the overlay: shares of the finite values (0..1). */
export interface DriftBin {
  /** Numbers, or ISO times. */
  readonly from: number | string;
  readonly to: number | string;
  readonly current: number;
  readonly reference: number;
}

export interface DriftValue {
  /** The value; `undefined` stands for all others together. */
  readonly value: JsonValue | undefined;
  readonly current: number;
  readonly reference: number;
}

/** How far one column moved. */
export interface ColumnDrift {
  readonly column: string;
  readonly kind: 'numeric' | 'categorical';
  /** null when nothing could be compared; `note` says why. */
  readonly method: DriftMethod | null;
  readonly statistic: number | null;
  /** Of a test; null for a distance. */
  readonly pValue: number | null;
  /** Benjamini-Hochberg over all tested columns of the view. */
  readonly adjustedPValue: number | null;
  /** Drifted when the adjusted p-value is below it, or the distance is not below it. */
  readonly threshold: number;
  readonly drifted: boolean;
  /** Population stability index; it counts as moved only above `floor`, what chance alone gives at these sizes. */
  readonly psi: { readonly value: number; readonly floor: number; readonly bins: number } | null;
  /** Values that could be compared. */
  readonly currentRows: number;
  readonly referenceRows: number;
  readonly note?: string | undefined;
  readonly overlay:
    | { readonly kind: 'bins'; readonly bins: readonly DriftBin[] }
    | { readonly kind: 'values'; readonly values: readonly DriftValue[] }
    | null;
}

/** A run's rows against a reference. Safe to keep as JSON. */
export interface DriftResult {
  /** As a person would write it, e.g. `last accepted run` or `window spring`. */
  readonly reference: string;
  /** What it is made of: a run id, or a span of event times; for people. */
  readonly referenceDetail: string;
  readonly referenceRows: number;
  readonly rows: number;
  readonly columns: readonly ColumnDrift[];
}
