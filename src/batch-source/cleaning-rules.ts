import type { CleaningRules } from '../definitions/cleaning.js';
import { createdTimestamp, eventTimestamp } from '../definitions/feature-table.js';
import { DefinitionError } from '../errors.js';
import { id, ids, lit, type Session, type StatementOptions } from '../lake/index.js';
import { writeParquet } from '../lake/parquet-file.js';
import { type Schema, sqlType, timestamp, typeName, type ValueType } from '../types.js';
import { positionColumn } from './source-reader.js';

/** What of a view cleaning needs. */
export interface CleanView {
  readonly name: string;
  readonly joinKeys: Schema;
  readonly features: Schema;
  readonly clean: CleaningRules;
  /** Only rows whose event time lies in [start, end); default: all. */
  readonly within?: { readonly start: Date; readonly end: Date } | undefined;
}

/** rowsIn = rowsOut + duplicates + the sum of `dropped`. */
export interface CleanCounts {
  readonly rowsIn: number;
  readonly rowsOut: number;
  /** Rows equal to an earlier one in all columns of the view. */
  readonly duplicates: number;
  /** Rows dropped, by rule: `outside the run's interval`, `missing conv_rate`, `outlier acc_rate`; a row that breaks several counts under the first. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Values filled in, made null and clipped, by column; only columns with a rule. */
  readonly filled: Readonly<Record<string, number>>;
  readonly nulled: Readonly<Record<string, number>>;
  readonly clipped: Readonly<Record<string, number>>;
}

/** The columns of a cleaned file, in order, without the position that follows them. */
export const cleanColumns = ({ joinKeys, features }: Pick<CleanView, 'joinKeys' | 'features'>): Schema => ({
  ...joinKeys,
  [eventTimestamp]: timestamp(),
  [createdTimestamp]: timestamp(),
  ...features,
});

interface Step {
  readonly column: string;
  /** SQL of the value after missing values were filled in. */
  readonly filled: string;
  readonly isFilled?: string;
  /** SQL that is true for an outlier. */
  readonly outlier?: string;
  readonly action?: 'drop' | 'null' | 'clip';
  readonly clippedTo?: string;
  readonly dropMissing: boolean;
}

/**
 * Applies the cleaning rules to typed rows, removes exact duplicates (the earliest position stays) and writes the cleaned file,
 * ordered by position.
 * @param relation rows in parentheses: {@link cleanColumns} and the position.
 * @throws DefinitionError for a rule that does not fit its column.
 */
export async function writeCleaned(
  session: Session,
  view: CleanView,
  relation: string,
  file: string,
  options: StatementOptions,
): Promise<CleanCounts> {
  const columns = cleanColumns(view);
  const steps: Step[] = [];
  for (const [column, type] of Object.entries(columns)) steps.push(await stepOf(session, view, column, type));
  const drops = [
    ...outside(view, steps),
    ...steps.flatMap(({ column, dropMissing, outlier, action, filled }) => [
      ...(dropMissing ? [{ reason: `missing ${column}`, when: `${filled} IS NULL` }] : []),
      ...(action === 'drop' ? [{ reason: `outlier ${column}`, when: `coalesce(${outlier}, false)` }] : []),
    ]),
  ];
  const cases = drops.map(({ when }, index) => `WHEN ${when} THEN ${index}`).join(' ');
  const marked = `(SELECT *, ${drops.length === 0 ? 'NULL::INTEGER' : `CASE ${cases} END`} AS _dropped FROM ${relation})`;
  const counted = await countChanges(session, steps, drops.length, marked, options);
  const list = steps.map(({ column, filled, outlier, action, clippedTo }) => {
    const changed = action === 'null' ? 'NULL' : action === 'clip' ? clippedTo : undefined;
    return `${changed === undefined ? filled : `CASE WHEN ${outlier} THEN ${changed} ELSE ${filled} END`} AS ${id(column)}`;
  });
  const { rows } = await writeParquet(
    session,
    `SELECT ${ids(Object.keys(columns))}, min(${positionColumn}) AS ${positionColumn}
     FROM (SELECT ${list.join(', ')}, ${positionColumn} FROM ${marked} WHERE _dropped IS NULL)
     GROUP BY ${ids(Object.keys(columns))} ORDER BY ${positionColumn}`,
    [],
    file,
    options,
  );
  const droppedRows = counted.dropped.reduce((sum, n) => sum + n, 0);
  const byColumn = (action: 'null' | 'clip'): Record<string, number> =>
    Object.fromEntries(steps.flatMap((s, i) => (s.action === action ? [[s.column, counted.outliers[i] ?? 0]] : [])));
  return {
    rowsIn: counted.rows,
    rowsOut: rows,
    duplicates: counted.rows - droppedRows - rows,
    dropped: Object.fromEntries(drops.map(({ reason }, index) => [reason, counted.dropped[index] ?? 0])),
    filled: Object.fromEntries(
      steps.flatMap((s, i) => (s.isFilled === undefined ? [] : [[s.column, counted.filled[i] ?? 0]])),
    ),
    nulled: byColumn('null'),
    clipped: byColumn('clip'),
  };
}

/** Judged by the time that would be kept, which a rule may have filled in. */
function outside({ within }: CleanView, steps: readonly Step[]): { reason: string; when: string }[] {
  const time = steps.find(({ column }) => column === eventTimestamp)?.filled;
  if (within === undefined || time === undefined) return [];
  const [start, end] = [within.start, within.end].map((at) => `${lit(at.toISOString())}::TIMESTAMPTZ`);
  return [{ reason: "outside the run's interval", when: `${time} < ${start} OR ${time} >= ${end}` }];
}

async function countChanges(
  session: Session,
  steps: readonly Step[],
  drops: number,
  marked: string,
  options: StatementOptions,
) {
  const kept = '_dropped IS NULL AND';
  const counts = await session.one<Record<string, bigint>>(
    `SELECT ${[
      'count(*) AS total',
      ...Array.from({ length: drops }, (_, index) => `count_if(_dropped = ${index}) AS dropped_${index}`),
      ...steps.flatMap(({ isFilled, outlier }, index) => [
        ...(isFilled === undefined ? [] : [`count_if(${kept} ${isFilled}) AS filled_${index}`]),
        ...(outlier === undefined ? [] : [`count_if(${kept} ${outlier}) AS outliers_${index}`]),
      ]),
    ].join(', ')} FROM ${marked}`,
    [],
    options,
  );
  const count = (name: string): number => Number(counts?.[name] ?? 0);
  return {
    rows: count('total'),
    dropped: Array.from({ length: drops }, (_, index) => count(`dropped_${index}`)),
    filled: steps.map((_, index) => count(`filled_${index}`)),
    outliers: steps.map((_, index) => count(`outliers_${index}`)),
  };
}

async function stepOf(session: Session, view: CleanView, column: string, type: ValueType): Promise<Step> {
  const missing = view.clean.missing?.[column];
  const outlier = view.clean.outliers?.[column];
  const plain = id(column);
  const fill = typeof missing === 'object' ? await fillValue(session, view, column, type, missing.fill) : undefined;
  const filled = fill === undefined ? plain : `coalesce(${plain}, ${fill})`;
  const base: Step = {
    column,
    filled,
    ...(fill === undefined ? {} : { isFilled: `${plain} IS NULL` }),
    dropMissing: missing === 'drop',
  };
  if (outlier === undefined) return base;
  const whole = type.kind === 'int32' || type.kind === 'int64';
  if (!whole && type.kind !== 'float32' && type.kind !== 'float64') {
    throw ruleError(
      view,
      `outliers.${column} is a rule for numbers; the column is ${typeName(type)}`,
      'take the rule out',
    );
  }
  if (outlier.action === 'null' && column in view.joinKeys) {
    throw ruleError(view, `outliers.${column} would make a join key null`, "use action: 'drop'");
  }
  if (typeof outlier.min !== 'number' || typeof outlier.max !== 'number' || !(outlier.min <= outlier.max)) {
    throw ruleError(view, `outliers.${column} needs numbers min <= max`, 'correct the bounds');
  }
  // Bounds are compared in the column's own type: as a double, float32 0.1 is greater than 0.1.
  const low = boundSql(whole ? Math.ceil(outlier.min) : outlier.min, type);
  const high = boundSql(whole ? Math.floor(outlier.max) : outlier.max, type);
  const sides = [low && `${filled} < ${low}`, high && `${filled} > ${high}`].filter((side) => side !== undefined);
  const clip = [low && `WHEN ${filled} < ${low} THEN ${low}`, high && `WHEN ${filled} > ${high} THEN ${high}`];
  return {
    ...base,
    outlier: sides.length === 0 ? 'false' : `(${sides.join(' OR ')})`,
    action: outlier.action,
    clippedTo: sides.length === 0 ? filled : `CASE ${clip.filter((c) => c !== undefined).join(' ')} END`,
  };
}

/** A bound beyond what the type can hold is none. */
function boundSql(bound: number, type: ValueType): string | undefined {
  const most = { int32: 2 ** 31, int64: 2 ** 63, float32: 3.5e38, float64: Number.POSITIVE_INFINITY }[
    type.kind as 'int32'
  ];
  return Math.abs(bound) < most ? `CAST(${bound} AS ${sqlType(type)})` : undefined;
}

async function fillValue(
  session: Session,
  view: CleanView,
  column: string,
  type: ValueType,
  fill: unknown,
): Promise<string> {
  const literal = typeof fill === 'string' ? lit(fill) : String(fill);
  const fits =
    type.kind === 'string' || type.kind === 'timestamp'
      ? typeof fill === 'string'
      : type.kind === 'bool'
        ? typeof fill === 'boolean'
        : type.kind === 'int32' || type.kind === 'int64'
          ? Number.isSafeInteger(fill)
          : (type.kind === 'float32' || type.kind === 'float64') && Number.isFinite(fill);
  const sql = `TRY_CAST(${literal} AS ${sqlType(type)})`;
  const cast = fits ? await session.one<{ fits: boolean }>(`SELECT ${sql} IS NOT NULL AS fits`) : undefined;
  if (cast?.fits === true) return sql;
  throw ruleError(
    view,
    `missing.${column}: ${JSON.stringify(fill)} is no ${typeName(type)}`,
    'fill in a value of the declared type',
  );
}

const ruleError = (view: CleanView, what: string, mend: string): DefinitionError =>
  new DefinitionError(`clean.${what}`, { where: `view "${view.name}"`, mend });
