import { DefinitionError } from '../errors.js';

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

/** Definition files are not type-checked when they are loaded, so what the types say is checked here as well. */
export function checkCleaning(where: string, { missing = {}, outliers = {} }: CleaningRules): void {
  for (const [column, rule] of Object.entries(missing)) {
    if (rule === 'drop' || (typeof rule === 'object' && rule !== null && rule.fill !== undefined)) continue;
    throw new DefinitionError(`clean.missing.${column} is ${JSON.stringify(rule)}`, {
      where,
      mend: "write 'drop' or { fill: 0 }",
    });
  }
  for (const [column, rule] of Object.entries(outliers)) {
    if (!(rule?.min <= rule?.max)) {
      throw new DefinitionError(`clean.outliers.${column} has no min <= max`, {
        where,
        mend: "write { min: 0, max: 1, action: 'null' }; -Infinity and Infinity leave a side open",
      });
    }
    if (!['drop', 'null', 'clip'].includes(rule.action)) {
      throw new DefinitionError(`clean.outliers.${column}.action ${JSON.stringify(rule.action)} is unknown`, {
        where,
        mend: "use 'drop', 'null' or 'clip'",
      });
    }
  }
}
