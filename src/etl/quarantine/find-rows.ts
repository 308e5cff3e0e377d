import { DefinitionError } from '../../errors.js';
import type { Lake, SqlValue } from '../../lake/index.js';
import { type BrokenRule, quarantinedRows } from '../../quality/index.js';
import { checkSelection, type QuarantineSelection, type QuarantineState, whereSelected } from './selection.js';

/** A row that a quarantine rule set aside. Times are ISO strings. */
export interface QuarantinedRow {
  /** The same for good; given to commands. */
  readonly id: string;
  readonly view: string;
  readonly state: QuarantineState;
  /** The rules it broke; of rows of older versions the columns are not known. */
  readonly broken: readonly BrokenRule[];
  /** The values of the columns of those rules. */
  readonly values: Readonly<Record<string, unknown>>;
  /**
   * The whole row as JSON holds it: whole numbers beyond 2^53, NaN and infinities as text, bytes as `0x…`, times in ISO 8601.
   * `null` = it was dropped.
   */
  readonly row: Readonly<Record<string, unknown>> | null;
  /** Where it was read: `data/stats.csv`, `table public.stats`; `null` = an older version kept no such thing. */
  readonly source: string | null;
  /** Which row of it, from 1. */
  readonly position: number | null;
  readonly runId: string;
  readonly pipeline: string | null;
  /** The data interval of the run. */
  readonly interval: { readonly start: string; readonly end: string } | null;
  readonly setAsideAt: string;
  /** When it was released or dropped, by which act of a person, and why. */
  readonly decidedAt: string | null;
  readonly decidedBy: string | null;
  readonly reason: string | null;
}

/** How many rows of a view share their rules and their state. */
export interface QuarantineGroup {
  readonly view: string;
  readonly rule: string;
  readonly state: QuarantineState;
  readonly rows: number;
  readonly runs: number;
  readonly newest: string;
}

export interface ListOptions extends QuarantineSelection {
  /** Default: all. */
  readonly state?: QuarantineState | undefined;
  /** Rows given whole; default 50. The groups count all. */
  readonly limit?: number | undefined;
}

export interface QuarantineList {
  readonly total: number;
  /** Largest first. */
  readonly groups: readonly QuarantineGroup[];
  /** Newest first, of one run in the order of their source. */
  readonly rows: readonly QuarantinedRow[];
}

export async function listQuarantined(
  lake: Lake,
  { state, limit = 50, ...selection }: ListOptions,
): Promise<QuarantineList> {
  checkSelection(selection);
  if (selection.ids !== undefined) {
    throw new DefinitionError('a list takes no ids', { mend: 'use show for single rows' });
  }
  const { where, values } = whereSelected(selection, state === undefined ? [] : [state]);
  const groups = await lake.all<{
    view_name: string;
    rule: string;
    state: QuarantineState;
    n: bigint;
    runs: bigint;
    newest: Date;
  }>(
    `SELECT view_name, rule, state, count(*) AS n, count(DISTINCT run_id) AS runs, max(recorded_at) AS newest
     FROM ${quarantinedRows(lake)} WHERE ${where} GROUP BY ALL ORDER BY n DESC, view_name, rule, state`,
    values,
  );
  return {
    total: groups.reduce((sum, { n }) => sum + Number(n), 0),
    groups: groups.map(({ view_name, n, runs, newest, ...group }) => ({
      view: view_name,
      ...group,
      rows: Number(n),
      runs: Number(runs),
      newest: newest.toISOString(),
    })),
    rows: await readRows(lake, `WHERE ${where} ${newestFirst} LIMIT ${Math.max(0, Math.trunc(limit))}`, values),
  };
}

const newestFirst = `ORDER BY recorded_at DESC, run_id, view_name, json_extract("row", '/_ingest_position')::BIGINT, id`;

/** Rows by id, in the order asked. @throws DefinitionError for an id that is nobody's, or several rows'. */
export async function findQuarantined(lake: Lake, ids: readonly string[]): Promise<QuarantinedRow[]> {
  checkSelection({ ids });
  const asked = [...new Set(ids)];
  const starts = asked.map((_, index) => `starts_with(id, $${index + 1})`).join(' OR ');
  const found = asked.length === 0 ? [] : await readRows(lake, `WHERE ${starts} ORDER BY id`, asked);
  return asked.map((start) => {
    const [row, ...more] = found.filter(({ id }) => id.startsWith(start));
    if (row === undefined) {
      throw new DefinitionError(`there is no quarantined row ${start}`, { mend: '`asof quarantine list` lists them' });
    }
    if (more.length > 0) {
      const fits = [row, ...more].slice(0, 5).map(({ id }) => id);
      throw new DefinitionError(`${start} fits ${more.length + 1} quarantined rows`, {
        mend: `give more of the id: ${fits.join(', ')}${more.length >= 5 ? ', …' : ''}`,
      });
    }
    return row;
  });
}

interface StoredRow {
  readonly id: string;
  readonly run_id: string;
  readonly view_name: string;
  readonly recorded_at: Date;
  /** As JSON. */
  readonly rules: string | null;
  readonly row: string | null;
  readonly pipeline: string | null;
  readonly interval_start: Date | null;
  readonly interval_end: Date | null;
  readonly source: string | null;
  readonly broken: string | null;
  readonly state: QuarantineState;
  readonly decided_at: Date | null;
  readonly decided_by: string | null;
  readonly reason: string | null;
}

async function readRows(lake: Lake, rest: string, values: readonly SqlValue[]): Promise<QuarantinedRow[]> {
  const stored = await lake.all<StoredRow>(
    `SELECT * EXCLUDE (rules), to_json(rules)::VARCHAR AS rules FROM ${quarantinedRows(lake)} ${rest}`,
    values,
  );
  return stored.map(asRow);
}

function asRow(stored: StoredRow): QuarantinedRow {
  const row = stored.row === null ? null : (JSON.parse(stored.row) as Record<string, unknown>);
  const broken =
    stored.broken === null
      ? (JSON.parse(stored.rules ?? '[]') as string[]).map((rule) => ({ rule, columns: [] }))
      : (JSON.parse(stored.broken) as BrokenRule[]);
  const columns = [...new Set(broken.flatMap((rule) => rule.columns))];
  const { interval_start: start, interval_end: end } = stored;
  const position = row?.['_ingest_position'];
  return {
    id: stored.id,
    view: stored.view_name,
    state: stored.state,
    broken,
    values: row === null ? {} : Object.fromEntries(columns.map((column) => [column, row[column]])),
    row,
    source: stored.source === null ? null : placeOf(JSON.parse(stored.source) as Record<string, string>),
    position: typeof position === 'number' ? position : null,
    runId: stored.run_id,
    pipeline: stored.pipeline,
    interval: start === null || end === null ? null : { start: start.toISOString(), end: end.toISOString() },
    setAsideAt: stored.recorded_at.toISOString(),
    decidedAt: stored.decided_at?.toISOString() ?? null,
    decidedBy: stored.decided_by,
    reason: stored.reason,
  };
}

function placeOf({ source, path, table }: Readonly<Record<string, string>>): string {
  return path ?? (table === undefined ? `query of ${source}` : `table ${table}`);
}
