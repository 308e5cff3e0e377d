/**
 * What the clean step does to a column beyond casting it to its declared type and removing exact duplicate rows.
 * Rules run in this order: missing, outliers.
 */
export interface CleaningRules {
  /** Rows that lack the value: drop them, or fill in a value. */
  readonly missing?: Readonly<Record<string, 'drop' | { readonly fill: string | number | boolean }>>;
  /** Values outside [min, max]: drop the row, make the value null, or clip it to the bound. */
  readonly outliers?: Readonly<
    Record<string, { readonly min: number; readonly max: number; readonly action: 'drop' | 'null' | 'clip' }>
  >;
}
