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
  /** Absent in profiles of older versions, as p99. */
  readonly p01?: number | string | undefined;
  readonly p05: number | string;
  readonly p25: number | string;
  readonly p50: number | string;
  readonly p75: number | string;
  readonly p95: number | string;
  readonly p99?: number | string | undefined;
}

/** Of the finite values; null (empty) where the column's type has no such thing, or no value. */
export interface Distribution {
  readonly mean: number | null;
  /** Of a sample (n - 1); null for fewer than two values. */
  readonly stddev: number | null;
  /** Of a sample, as pandas and scipy (bias=False) have it; of number columns. Absent in profiles of older versions. */
  readonly skewness?: number | null | undefined;
  /** Excess: 0 for a normal distribution. */
  readonly kurtosis?: number | null | undefined;
  readonly quantiles: Quantiles | null;
  /** At most 20 bins of equal width; the bins of whole numbers have whole edges. */
  readonly histogram: readonly Bin[];
}

/** What some types of columns have beside. Absent for other types, and in profiles of older versions. */
export interface TypedFigures {
  /** Of nonFinite, those that are NaN. */
  readonly nan?: number | undefined;
  /** Finite numbers that are 0 or below 0. */
  readonly zeros?: number | undefined;
  readonly negatives?: number | undefined;
  /** Letters of texts. */
  readonly lengths?: { readonly min: number; readonly mean: number; readonly max: number } | undefined;
  /** Texts of no letter. */
  readonly emptyTexts?: number | undefined;
  /** The longest time without a value between two that follow each other. */
  readonly largestGap?: TimeGap | undefined;
}

export interface TimeGap {
  readonly seconds: number;
  /** ISO times. */
  readonly from: string;
  readonly to: string;
}

export interface ColumnProfile extends Distribution, TypedFigures {
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
  /** Absent, as what follows, in profiles of older versions. */
  readonly correlations?: Correlations | undefined;
  readonly missingTogether?: MissingTogether | undefined;
  readonly keyDuplicates?: KeyDuplicates | undefined;
  readonly lateness?: Lateness | undefined;
}

/** Seconds from the event time of a row to its created time, below 0 where it was made before; quantiles as those of columns. */
export interface Lateness {
  /** Rows that have both times. */
  readonly rows: number;
  readonly min: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** Pearson's coefficient of pairs of number columns, over the rows in which both are finite. */
export interface Correlations {
  readonly columns: readonly string[];
  /** All number columns that vary; more than `columns` when there are too many. */
  readonly outOf: number;
  /** Rows looked at: all, or evenly spaced ones of a large file. */
  readonly rows: number;
  /** values[i][j] for j < i; null where it is not defined. */
  readonly values: readonly (readonly (number | null)[])[];
}

/** Which columns are missing in the same rows. */
export interface MissingTogether {
  /** Those looked at, the most often missing first; columns that are always or never missing are none. */
  readonly columns: readonly string[];
  readonly outOf: number;
  /** The most frequent sets of columns missing in one row. */
  readonly sets: readonly { readonly columns: readonly string[]; readonly rows: number }[];
}

/** Rows that agree in a key. */
export interface KeyDuplicates {
  readonly columns: readonly string[];
  /** Values of the key that more than one row has. */
  readonly keys: number;
  /** Rows beyond the first of each. */
  readonly rows: number;
}

/** Whole rows of the file, evenly spaced: for the report only, never for the lake. */
export interface SampleRows {
  readonly columns: readonly string[];
  /** Columns there are. */
  readonly outOf: number;
  readonly rows: readonly Readonly<Record<string, JsonValue>>[];
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
  /** Columns correlated with each other, which takes their number squared, and rows of a large file looked at for it. */
  correlatedColumns: 24,
  correlatedRows: 100_000,
  /** Columns of which it is said in which rows they are missing together, and sets of them that are listed. */
  missingColumns: 32,
  missingSets: 12,
  /** A time column is cut into so many spans to find its largest gap: exact unless that is shorter than one span. */
  gapSpans: 100_000,
  sampleRows: 20,
  sampleColumns: 100,
} as const;
