import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import path from 'node:path';
import {
  describeExpectation,
  type Expectation,
  type ExpectationOptions,
  isRowRule,
} from '../../definitions/expectations.js';
import { type FeatureTable, valueColumns } from '../../definitions/feature-table.js';
import { StoreUnavailableError } from '../../errors.js';
import { ids, lit, type Session, type SqlValue, type StatementOptions, sameIn } from '../../lake/index.js';
import { writeParquet } from '../../lake/parquet-file.js';
import { brokenRulesColumn, splitQuarantine, writePrevious } from '../../quality/index.js';
import { type EtlContext, viewColumns } from '../etl-context.js';
import { decide } from './decide.js';
import { misfitColumn, writeTypedRows } from './typed-rows.js';

export interface ReleaseRequest extends StatementOptions {
  readonly view: string;
  /** Which of the held rows of the view: SQL over the columns of `quarantinedRows`, and its values. */
  readonly where: string;
  readonly values: readonly SqlValue[];
  readonly reason: string | undefined;
  /** Only rows that keep the view's rules of now. */
  readonly recheck: boolean;
}

/** Why rows stay held. */
export interface StillHeld {
  readonly view: string;
  readonly why: string;
  readonly rows: number;
  /** Of the first few. */
  readonly ids: readonly string[];
}

export interface ReleasedView {
  readonly view: string;
  /** Under which the publication is kept; none when no row was released. */
  readonly runId: string | null;
  /** Rows that left the quarantine. */
  readonly released: number;
  /** Of them new in the history; equal ones are one there. */
  readonly published: number;
  readonly alreadyThere: number;
  readonly snapshot: number | null;
  readonly stillHeld: readonly StillHeld[];
}

/** Somebody else decided about rows while they were being written. */
class Decided extends Error {}

const attemptsMax = 20;

/**
 * Puts held rows into their view's history as they are, in one transaction with what is kept of the decision. Rows that no longer
 * fit the view stay held, and so do those that somebody decided about meanwhile.
 */
export async function releaseRows(context: EtlContext, request: ReleaseRequest): Promise<ReleasedView> {
  for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
    const runId = `release-${randomUUID()}`;
    const folder = path.join(context.sharedDirectory, 'staging', runId);
    try {
      return await release(context, request, runId, path.join(folder, request.view));
    } catch (error) {
      if (!(error instanceof Decided)) throw error;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  throw new StoreUnavailableError(
    `view ${request.view}: others decided about its rows ${attemptsMax} times meanwhile`,
    {
      mend: 'see what is still held by `asof quarantine list`, and release that',
    },
  );
}

async function release(
  context: EtlContext,
  request: ReleaseRequest,
  runId: string,
  folder: string,
): Promise<ReleasedView> {
  const { lake, offline } = context;
  const { view, reason, signal } = request;
  const { table } = context.view(view);
  const typed = path.join(folder, 'typed.parquet');
  const ready = path.join(folder, 'ready.parquet');
  const publishable = path.join(folder, 'publish.parquet');
  const { rows, stillHeld } = await lake.withSession(async (session) => {
    await writeTypedRows(session, lake, { ...request, table, file: typed });
    const misfits = await heldBecause(session, view, typed);
    const { rows, broken } = await keepReady(session, context, request, { typed, ready });
    // Two runs may have read and set aside one row: it is one in the history, and both are released.
    if (rows > 0) await writeParquet(session, eachOnce(table, 'read_parquet($1)'), [ready], publishable, { signal });
    return { rows, stillHeld: [...misfits, ...broken] };
  });
  if (rows === 0) return { view, runId: null, released: 0, published: 0, alreadyThere: 0, snapshot: null, stillHeld };
  const { published, alreadyThere, snapshot } = await offline.publish({
    table,
    file: publishable,
    runId,
    provenance: JSON.stringify({ source: 'quarantine', rows, ...(reason === undefined ? {} : { reason }) }),
    madeBy: context.madeBy,
    alongside: async (session) => {
      const decided = await decide(session, lake, ready, { state: 'released', by: runId, reason });
      if (decided !== rows) throw new Decided();
    },
    signal,
  });
  return { view, runId, released: rows, published, alreadyThere, snapshot, stillHeld };
}

/** SQL that takes one of the rows that are equal in all values. */
function eachOnce(table: FeatureTable, from: string): string {
  const same = ids(valueColumns(table));
  return `SELECT DISTINCT ON (${same}) * FROM ${from} ORDER BY ${same}, _ingest_position`;
}

/** Writes the rows that may go: those that fit the view and, if asked, keep its rules. @returns how many, and why others may not. */
async function keepReady(
  session: Session,
  context: EtlContext,
  { view: name, recheck, signal }: ReleaseRequest,
  { typed, ready }: { typed: string; ready: string },
): Promise<{ rows: number; broken: StillHeld[] }> {
  const { view, table } = context.view(name);
  const fit = `SELECT * EXCLUDE (${misfitColumn}) FROM read_parquet($1) WHERE ${misfitColumn} IS NULL`;
  const expectations = view.expect.filter(isRowRule).filter(isBinding);
  if (!recheck || expectations.length === 0) {
    const { rows } = await writeParquet(session, fit, [typed], ready, { signal });
    return { rows, broken: [] };
  }
  // Rows that were set aside twice are judged as the one they are: they would be each other's twins.
  const judged = `${ready}.judged.parquet`;
  await writeParquet(session, eachOnce(table, `(${fit})`), [typed], judged, { signal });
  const before = { file: judged, table, expectations, previousFile: `${ready}.previous.parquet`, signal };
  const goodFile = `${ready}.good.parquet`;
  const { badFile } = await splitQuarantine(session, {
    file: judged,
    expectations: expectations.map((e) => ({ ...e, severity: 'quarantine' })),
    joinKeys: Object.keys(table.joinKeys),
    previousFile: await writePrevious(context.lake, session, before),
    columns: Object.keys(viewColumns(view, table)),
    shareMax: 1,
    goodFile,
    signal,
  });
  const equal = sameIn(valueColumns(table), 'n', 'g');
  const { rows } = await writeParquet(
    session,
    `SELECT n.* FROM (${fit}) AS n SEMI JOIN read_parquet($2) AS g ON ${equal}`,
    [typed, goodFile],
    ready,
    { signal },
  );
  if (badFile === undefined) return { rows, broken: [] };
  const still = `${ready}.still.parquet`;
  await writeParquet(
    session,
    `SELECT n._quarantine_id, 'breaks ' || array_to_string(${withTolerance(`g.${brokenRulesColumn}`, expectations)}, '; ') AS ${misfitColumn}
     FROM (${fit}) AS n JOIN read_parquet($2) AS g ON ${equal}`,
    [typed, badFile],
    still,
    { signal },
  );
  return { rows, broken: await heldBecause(session, name, still) };
}

/** Whether rows may not break it; what only warns holds up nobody. */
const isBinding = ({ severity, warnAbove, errorAbove }: ExpectationOptions): boolean =>
  severity !== 'warn' && (warnAbove === undefined || errorAbove !== undefined);

/**
 * The broken rules in SQL, each with what a run tolerates: a tolerance is about all rows of a run, and says nothing about which row
 * may go, so a recheck knows none.
 */
function withTolerance(rules: string, expectations: readonly Expectation[]): string {
  const tolerant = expectations.flatMap((e) => {
    const { severity, tolerate, errorAbove = tolerate }: ExpectationOptions = e;
    if (severity === 'quarantine' || errorAbove === undefined || errorAbove === 0) return [];
    const most = typeof errorAbove === 'number' ? `${Number((errorAbove * 100).toPrecision(6))}%` : errorAbove;
    const rule = describeExpectation(e);
    return [`WHEN ${lit(rule)} THEN ${lit(`${rule}, of which only runs tolerate ${most}`)}`];
  });
  return tolerant.length === 0
    ? rules
    : `list_transform(${rules}, lambda rule: CASE rule ${tolerant.join(' ')} ELSE rule END)`;
}

const idsShown = 5;

async function heldBecause(session: Session, view: string, file: string): Promise<StillHeld[]> {
  const found = await session.all<{ why: string; rows: bigint; ids: string }>(
    `SELECT ${misfitColumn} AS why, count(*) AS rows, to_json(list(_quarantine_id ORDER BY _quarantine_id)[1:${idsShown}])::VARCHAR AS ids
     FROM read_parquet($1) WHERE ${misfitColumn} IS NOT NULL GROUP BY ${misfitColumn} ORDER BY rows DESC, why`,
    [file],
  );
  return found.map((each) => ({ view, why: each.why, rows: Number(each.rows), ids: JSON.parse(each.ids) as string[] }));
}
