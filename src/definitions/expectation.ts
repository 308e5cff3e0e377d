/** error: publish does not happen. warn: it does, and the run is marked. quarantine: the bad rows are set aside, the rest goes on. */
export type Severity = 'error' | 'warn' | 'quarantine';

/** How much may break a rule: a share of the rows (0..1), or a number of them, e.g. `'10 rows'`. */
export type Threshold = number | `${number} rows`;

export interface ExpectationOptions {
  /** Default: error. */
  readonly severity?: Severity;
  /** What may break the rule before it counts as failed. Default 0. */
  readonly tolerate?: Threshold;
  /** Instead of `severity` and `tolerate`, two levels: more than this is a warning … */
  readonly warnAbove?: Threshold;
  /** … and more than this an error. */
  readonly errorAbove?: Threshold;
}

/** Of rules about a whole column or table: there are no single rows to count or to set aside. */
export interface TableOptions {
  /** Default: error. */
  readonly severity?: Exclude<Severity, 'quarantine'>;
}

/** A rule that each row keeps or breaks by one column. */
export interface RowRule extends ExpectationOptions {
  readonly column: string;
}

/** A rule about one figure of a column. */
interface ColumnRule extends TableOptions {
  readonly column: string;
}

export type RowExpectation =
  | (RowRule & { readonly rule: 'not_null' })
  | (RowRule & { readonly rule: 'between'; readonly min: number; readonly max: number })
  | (RowRule & { readonly rule: 'accepted_values'; readonly values: readonly (string | number | boolean)[] })
  | (RowRule & { readonly rule: 'matches'; readonly pattern: string })
  | (RowRule & { readonly rule: 'length_between'; readonly min: number; readonly max: number });

/** Rules whose bad rows are only seen beside others. */
export type RowsExpectation =
  | (ExpectationOptions & { readonly rule: 'unique'; readonly columns: readonly string[] })
  | (RowRule & { readonly rule: 'monotonic'; readonly strict?: boolean })
  | (ExpectationOptions & { readonly rule: 'custom_sql'; readonly name: string; readonly sql: string });

/** Rows of the view's own history that a run's rows are compared with. Times are ISO strings, the window is [from, to). */
export type DriftReference =
  | { readonly kind: 'last_accepted_run' }
  | { readonly kind: 'window'; readonly name: string; readonly from: string; readonly to: string };

export type TableExpectation =
  | (ColumnRule & { readonly rule: 'missing_ratio'; readonly below: number })
  | (ColumnRule & { readonly rule: 'mean_between'; readonly min: number; readonly max: number })
  | (ColumnRule & {
      readonly rule: 'quantile_between';
      readonly quantile: number;
      readonly min: number;
      readonly max: number;
    })
  | (ColumnRule & { readonly rule: 'freshness'; readonly atMostMs: number })
  | (TableOptions & {
      readonly rule: 'no_drift';
      readonly against: DriftReference;
      readonly columns?: readonly string[];
      readonly share?: number;
    })
  | (TableOptions & { readonly rule: 'row_count'; readonly min: number; readonly max: number })
  | (TableOptions & { readonly rule: 'row_count_change'; readonly lastRuns: number; readonly atMost: number });

/** A rule about a view's rows, as data; `rule` says which, the other fields are its bounds. */
export type Expectation = RowExpectation | RowsExpectation | TableExpectation;

/** The rules of one name, e.g. `Rule<'between'>`. */
export type Rule<R extends Expectation['rule']> = Extract<Expectation, { readonly rule: R }>;

const rowRules: readonly string[] = [
  'not_null',
  'between',
  'accepted_values',
  'matches',
  'length_between',
] satisfies RowExpectation['rule'][];
const rowsRules: readonly string[] = ['unique', 'monotonic', 'custom_sql'] satisfies RowsExpectation['rule'][];

/** Rules that one row alone can break. */
export const isSingleRowRule = (e: Expectation): e is RowExpectation => rowRules.includes(e.rule);

/** Rules with bad rows, which can be counted and set aside. Rules about a whole column or table have none. */
export const isRowRule = (e: Expectation): e is RowExpectation | RowsExpectation =>
  isSingleRowRule(e) || rowsRules.includes(e.rule);
