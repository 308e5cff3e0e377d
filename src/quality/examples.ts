import { limits } from '../config.js';
import type { Session, StatementOptions } from '../lake/index.js';
import type { Query } from './expectation-result.js';
import { type FileColumn, jsonRow } from './value-json.js';

/** Texts longer than this are cut in example rows. */
export const exampleTextMax = 200;

/** An example row as people are shown it: which row of the source it is, by a name that says so. */
export const shownExample = ({
  _ingest_position: position,
  ...values
}: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  position === undefined ? values : { ...values, 'source row': position };

/**
 * The first rows of a query over the file's columns.
 * @param own columns that come first.
 */
export async function findExamples(
  session: Session,
  found: readonly FileColumn[],
  own: readonly string[],
  { sql, values }: Query,
  options: StatementOptions,
): Promise<Record<string, unknown>[]> {
  const ordered = [
    ...own.flatMap((column) => found.filter(({ name }) => name === column)),
    ...found.filter(({ name }) => !own.includes(name)),
  ];
  // Written as JSON after the limit: before it, every broken row would be.
  const rows = await session.all<{ row: string }>(
    `SELECT ${jsonRow(ordered, 's', { textMax: exampleTextMax })} AS row FROM (${sql} LIMIT ${limits.expectationExamples}) AS s`,
    values,
    options,
  );
  return rows.map((example) => JSON.parse(example.row) as Record<string, unknown>);
}
