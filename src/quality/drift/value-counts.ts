import { type Session, type StatementOptions, tempTable } from '../../lake/index.js';
import type { DriftValue } from '../drift-result.js';
import { type JsonValue, profileLimits } from '../profile-types.js';
import { columnClass, type FileColumn, jsonValue } from '../value-json.js';
import type { Count } from './counts.js';

/** The values compared one by one; all others count as one. Bounds what a column of a million strings costs, and its chance level. */
const valuesMax = 200;
/** Values drawn. */
const shownMax = 20;

export interface ValueCounts {
  /** Of the values, most frequent first, and of all others together. */
  readonly counts: readonly Count[];
  readonly overlay: { readonly kind: 'values'; readonly values: readonly DriftValue[] };
}

/**
 * The most frequent values of a table made of {@link countedValues}, counted over both samples together: to choose them by their shares
 * in one would choose those that chance made many there, and see drift where is none. Of equally frequent ones the hash chooses: new ids
 * often come after the old ones in order.
 * @param inOrder draw them in the order of their values.
 */
export async function readValueCounts(
  session: Session,
  table: string,
  { type }: FileColumn,
  total: Count,
  { signal, inOrder }: StatementOptions & { inOrder: boolean },
): Promise<ValueCounts> {
  const rows = await session.all<{ value: string; c: bigint; r: bigint }>(
    `SELECT ${jsonValue(columnValue(type), type, { textMax: profileLimits.textLetters })}::VARCHAR AS value, c, r FROM ${tempTable(table)}
     ORDER BY c + r DESC, hash(v) LIMIT ${valuesMax}`,
    [],
    { signal },
  );
  const counts = rows.map(({ c, r }) => ({ current: Number(c), reference: Number(r) }));
  const others = minus(total, counts);
  const shown = rows.slice(0, shownMax).map(({ value }, index) => {
    return { value: JSON.parse(value) as JsonValue, count: counts[index] ?? { current: 0, reference: 0 } };
  });
  if (inOrder) shown.sort((a, b) => order(a.value, b.value));
  const share = (value: JsonValue | undefined, { current, reference }: Count): DriftValue => ({
    value,
    current: current / total.current,
    reference: reference / total.reference,
  });
  const rest = minus(total, counts.slice(0, shownMax));
  return {
    counts: others.current + others.reference > 0 ? [...counts, others] : counts,
    overlay: {
      kind: 'values',
      values: [
        ...shown.map(({ value, count }) => share(value, count)),
        ...(rest.current + rest.reference > 0 ? [share(undefined, rest)] : []),
      ],
    },
  };
}

const minus = (total: Count, counts: readonly Count[]): Count =>
  counts.reduce(
    (left, { current, reference }) => ({ current: left.current - current, reference: left.reference - reference }),
    total,
  );

const order = (a: JsonValue, b: JsonValue): number =>
  typeof a === 'number' && typeof b === 'number' ? a - b : String(a) < String(b) ? -1 : 1;

/** The counted value as its column holds it: numbers and times were counted as finite numbers. */
function columnValue(type: string): string {
  if (columnClass(type) === 'time') return 'make_timestamptz(v)';
  return `v::${type}`;
}
