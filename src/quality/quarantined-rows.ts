import { id, type Lake, lit, type Session, type StatementOptions } from '../lake/index.js';
import { fileColumns } from './file-columns.js';
import { brokenRulesColumn } from './quarantine.js';
import { type FileColumn, jsonRow } from './value-json.js';

/** A rule that a row broke, as its author wrote it, and the columns it is about. */
export interface BrokenRule {
  readonly rule: string;
  readonly columns: readonly string[];
}

/** Whence rows were set aside, kept with each of them: the records of runs go earlier than they. */
export interface QuarantinedFrom {
  readonly runId: string;
  readonly view: string;
  readonly pipeline?: string | undefined;
  /** ISO times. */
  readonly interval?: { readonly start: string; readonly end: string } | undefined;
  /** Where they were read: a file or table by name, hash; kept as JSON. */
  readonly source?: Readonly<Record<string, unknown>> | undefined;
  /** The columns of each rule. */
  readonly rules?: readonly BrokenRule[] | undefined;
}

/**
 * Puts the rows of a quarantine file into the lake, one row each, as JSON, with the broken rules joined by `; `. For publish, in
 * its own transaction, so that a row is either published or found here.
 * @returns the number of rows.
 */
export async function insertQuarantined(
  session: Session,
  lake: Lake,
  request: QuarantinedFrom & { readonly badFile: string } & StatementOptions,
): Promise<number> {
  const { runId, view, pipeline, interval, source, rules = [], badFile, signal } = request;
  const columns = (await fileColumns(session, badFile, { signal })).filter(({ name }) => name !== brokenRulesColumn);
  const row = jsonRow(columns, 's');
  return session.run(
    `INSERT INTO ${lake.system('quarantine')}
       (run_id, view_name, recorded_at, rule, "row", id, pipeline, interval_start, interval_end, source, broken, types)
     SELECT $1, $2, now(), array_to_string(s.${brokenRulesColumn}, '; '), ${row}, ${idOf('$1', '$2', row)},
       $4, $5::TIMESTAMPTZ, $6::TIMESTAMPTZ, $7, ${brokenJson(rules)}, ${lit(typesJson(columns))}
     FROM read_parquet($3) AS s`,
    [runId, view, badFile, pipeline, interval?.start, interval?.end, source && JSON.stringify(source)],
    { signal },
  );
}

/** The same for the same row of a run, which holds its place in the source: rows of older versions have it without being told. */
const idOf = (runId: string, view: string, row: string): string =>
  `left(md5(concat_ws('/', ${runId}, ${view}, ${row})), 16)`;

const typesJson = (columns: readonly FileColumn[]): string =>
  JSON.stringify(Object.fromEntries(columns.map(({ name, type }) => [name, type])));

/** Of each row its own rules, with their columns. */
function brokenJson(rules: readonly BrokenRule[]): string {
  const columns = rules.map(
    ({ rule, columns }) =>
      `WHEN rule = ${lit(rule)} THEN [${columns.map((column) => lit(column)).join(', ')}]::VARCHAR[]`,
  );
  const known = columns.length === 0 ? '[]::VARCHAR[]' : `CASE ${columns.join(' ')} ELSE [] END`;
  return `to_json(list_transform(s.${brokenRulesColumn}, lambda rule: {'rule': rule, 'columns': ${known}}))::VARCHAR`;
}

/**
 * All quarantined rows of a project as a relation in parentheses, whichever version wrote them: the columns of the system table
 * with an id for each, and `rules`, VARCHAR[], the rules it broke.
 */
export const quarantinedRows = (lake: Lake): string =>
  `(SELECT * REPLACE (${quarantinedId} AS id, coalesce(state, 'held') AS state),
      CASE WHEN broken IS NULL THEN string_split(rule, '; ') ELSE json_extract_string(broken, '$[*].rule') END AS rules
    FROM ${lake.system('quarantine')})`;

/** SQL of the id within the system table. */
export const quarantinedId = `coalesce(${id('id')}, ${idOf('run_id', 'view_name', '"row"')})`;
