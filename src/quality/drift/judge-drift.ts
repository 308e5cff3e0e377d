import type { Rule } from '../../definitions/expectations.js';
import { createdTimestamp, eventTimestamp, type FeatureTable } from '../../definitions/feature-table.js';
import { type Lake, type StatementOptions, whilePinned } from '../../lake/index.js';
import type { Schema } from '../../types.js';
import type { ColumnDrift, DriftResult } from '../drift-result.js';
import { type ExpectationResult, judge } from '../expectation-result.js';
import { compareSamples } from './compare-samples.js';
import { findReference } from './reference-rows.js';

export interface DriftRequest extends StatementOptions {
  /** The rows of the run: a staging Parquet file. */
  readonly file: string;
  readonly runId: string;
  readonly table: FeatureTable;
  /** The declared columns of the file. */
  readonly columns: Schema;
  readonly onColumn?: ((done: number, of: number) => void) | undefined;
}

export interface JudgedDrift {
  readonly result: ExpectationResult;
  readonly drift: DriftResult;
}

/** Compares the rows of a run with a reference in the view's history, which is read as of one snapshot. */
export async function judgeDrift(lake: Lake, rule: Rule<'no_drift'>, request: DriftRequest): Promise<JudgedDrift> {
  const { file, runId, table, signal, onColumn } = request;
  const snapshot = await lake.currentSnapshot();
  return whilePinned(lake, { snapshot, reason: `drift of ${table.view} (run ${runId})` }, async () => {
    const reference = await findReference(lake, rule.against, { table, runId, snapshot }, { signal });
    const rows = await lake.one<{ n: bigint }>('SELECT count(*) AS n FROM read_parquet($1)', [file], { signal });
    const counted = Number(rows?.n ?? 0);
    const head = { reference: reference.name, referenceDetail: reference.detail };
    if (reference.sample === undefined) {
      const drift: DriftResult = { ...head, referenceRows: 0, rows: counted, columns: [] };
      const { mend } = reference;
      const note = `nothing compared: ${reference.detail}${mend === undefined ? '' : `; ${mend}`}`;
      const passed = mend === undefined;
      return { drift, result: asResult(rule, counted, { failed: passed ? 0 : 1, observed: null, passed, note }) };
    }
    const samples = {
      current: { from: (first: number) => `read_parquet($${first})`, values: [file] },
      reference: reference.sample,
    };
    const columns = comparedColumns(rule, request);
    const compared = await lake.withSession((session) =>
      compareSamples(session, { samples, columns, signal, onColumn }),
    );
    return { drift: { ...head, ...compared }, result: asResult(rule, counted, findingOf(rule, compared.columns)) };
  });
}

const asResult = (rule: Rule<'no_drift'>, rows: number, finding: Parameters<typeof judge>[2]): ExpectationResult => ({
  ...judge(rule, rows, finding),
  examples: [],
});

/** The features: join keys and times say which row it is, and are new in every run. */
function comparedColumns({ columns }: Rule<'no_drift'>, { table, columns: declared }: DriftRequest): Schema {
  const identity = [...Object.keys(table.joinKeys), eventTimestamp, createdTimestamp];
  const wanted = columns ?? Object.keys(declared).filter((name) => !identity.includes(name));
  return Object.fromEntries(
    wanted.flatMap((name) => (declared[name] === undefined ? [] : [[name, declared[name]] as const])),
  );
}

/** Columns named in one message, the farthest moved first. */
const namedMax = 5;

function findingOf({ share = 0 }: Rule<'no_drift'>, columns: readonly ColumnDrift[]) {
  const compared = columns.filter(({ method }) => method !== null);
  const drifted = compared.filter((column) => column.drifted);
  if (compared.length === 0)
    return { failed: 0, observed: null, passed: true, note: 'nothing compared: no column has values on both sides' };
  const named = drifted.slice(0, namedMax).map(inWords).join(', ');
  const more = drifted.length > namedMax ? ` and ${drifted.length - namedMax} more` : '';
  return {
    failed: drifted.length,
    observed: `${drifted.length} of ${compared.length} ${compared.length === 1 ? 'column' : 'columns'}`,
    passed: drifted.length / compared.length <= share,
    note: drifted.length === 0 ? undefined : `${named}${more}`,
  };
}

const methods = {
  ks: 'Kolmogorov-Smirnov',
  chi_squared: 'chi-squared',
  wasserstein: 'Wasserstein',
  jensen_shannon: 'Jensen-Shannon',
} as const;

function inWords({ column, method, statistic, adjustedPValue }: ColumnDrift): string {
  const figure = adjustedPValue === null ? short(statistic ?? 0) : `p ${short(adjustedPValue)}`;
  return `${column} (${method === null ? 'not compared' : methods[method]} ${figure})`;
}

const short = (value: number): string => String(Number(value.toPrecision(2)));
