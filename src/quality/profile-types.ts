/** A value as JSON: times are ISO strings, integers beyond 2^53 strings, bytes `0x…`, long texts cut. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[];

export interface TopValue {
  readonly value: JsonValue;
  readonly count: number;
}

/** Values v with from <= v < to; the last bin of a column that is not whole numbers includes `to`. */
export interface Bin {
  readonly from: number | string;
  readonly to: number | string;
  readonly count: number;
}

/** Numbers for number columns, ISO strings for time columns. */
export interface Quantiles {
  readonly p05: number | string;
  readonly p25: number | string;
  readonly p50: number | string;
  readonly p75: number | string;
  readonly p95: number | string;
}

/** Of the finite values; null (empty) where the column's type has no such thing, or no value. */
export interface Distribution {
  readonly mean: number | null;
  /** Of a sample (n - 1); null for fewer than two values. */
  readonly stddev: number | null;
  readonly quantiles: Quantiles | null;
  /** At most 20 bins of equal width; the bins of whole numbers have whole edges. */
  readonly histogram: readonly Bin[];
}

export interface ColumnProfile extends Distribution {
  readonly name: string;
  /** DuckDB's name of the type. */
  readonly type: string;
  readonly missing: number;
  /** missing / rows; 0 for an empty file. */
  readonly missingRatio: number;
  /** NaN and infinities: they are values, but min, max, mean, stddev, quantiles and histogram leave them out. */
  readonly nonFinite: number;
  /** Different values, nulls not counted. */
  readonly distinct: number;
  readonly distinctIsApproximate: boolean;
  readonly min: JsonValue;
  readonly max: JsonValue;
  /** The most frequent values, most frequent first; of equally frequent ones the smaller first. Nulls are not counted. */
  readonly topValues: readonly TopValue[];
}

export interface Profile {
  readonly rows: number;
  /** Whether the file was too large for exact quantiles. */
  readonly quantilesAreApproximate: boolean;
  readonly columns: readonly ColumnProfile[];
}

export const profileLimits = {
  /** Up to here distinct counts and quantiles are exact; above, the memory for that would grow with the file. */
  exactRows: 1_000_000,
  /** In larger files values are still counted exactly in columns with about so many different ones. */
  exactDistinct: 100_000,
  /** Columns described by one statement: bounds the memory their quantiles take together. */
  columnsAtOnce: 16,
  bins: 20,
  topValues: 10,
  /** Letters of a text shown as min, max or top value. */
  textLetters: 120,
} as const;
