import { createdTimestamp, eventTimestamp, newestFirst } from '../definitions/feature-table.js';
import { id, ids } from '../lake/sql.js';

/** Columns of this prefix are the join's own; an entity column may not be called so. */
export const internalPrefix = '__asof_';
/** Counts the entity rows in the order given; unique. */
export const positionColumn = `${internalPrefix}position`;

/** The entity rows as SQL, with {@link positionColumn} and a timestamp column of type TIMESTAMPTZ. */
export interface EntityRelation {
  /** A table or a query in parentheses. */
  readonly relation: string;
  /** The caller's own columns, all of which are kept. */
  readonly columns: readonly string[];
  readonly timestamp: string;
}

/** Rows of one view to be joined. */
export interface JoinedView {
  /** SQL of the view's rows, e.g. `lake."p"."driver_stats" AT (VERSION => 7)`. */
  readonly relation: string;
  /** Join key of the view → column of the entity rows, of the same type. */
  readonly keys: Readonly<Record<string, string>>;
  /** Output name → feature of the view. */
  readonly columns: Readonly<Record<string, string>>;
  /** 0 = rows never expire. */
  readonly ttlMs: number;
  readonly reach?: Reach | undefined;
}

/**
 * Which of the view's rows are looked at; the answer is the same. `keys`: those whose keys are asked for, which pays when the
 * entity rows are few beside the view's. `times`: those that also lie within a ttl or two of a time asked for, set aside first;
 * pays when that is a small part of the view, and needs a ttl.
 */
export type Reach = 'all' | 'keys' | 'times';

export interface PointInTimeJoin {
  readonly entities: EntityRelation;
  readonly views: readonly JoinedView[];
  /** Only rows made by the entity row's time count (`created_timestamp <= t`); a row without created time counts as made long ago. */
  readonly createdCutoff?: boolean | undefined;
  /** First and last time among the entity rows, in microseconds since 1970: spares the files of rows that can't match. */
  readonly range?: { readonly fromUs: bigint; readonly toUs: bigint } | undefined;
}

/**
 * The statement that gives each entity row once, in the order given, with its own columns and, per view, the features of the
 * newest row with `event_timestamp` in [t - ttl, t] (both inclusive; no ttl = any time up to t) by the tie order; null where there
 * is none. A null key or time matches nothing. Features come in the order of `views`; two entries that read one relation by the
 * same keys are joined once.
 *
 * Per view, two steps: an ASOF join of keys and times only finds *which* event time matches; then the few rows that have it are
 * fetched whole, and the tie order decides among them. Removing ties from the whole view first, the usual way, sorts every
 * column of every row. Expiry is judged on the match: if the newest row is too old, so are all others.
 */
export function pointInTimeSql(join: PointInTimeJoin): string {
  const { entities } = join;
  const steps = [...new Set(join.views.map(stepKey))].map((key, index) =>
    step(
      join,
      join.views.filter((view) => stepKey(view) === key),
      index,
    ),
  );
  const near = steps
    .filter(({ reach }) => reach === 'times')
    .map((one) => `${one.near} AS MATERIALIZED (${nearSql(join, one)})`);
  let joined = entities.relation;
  const matches = steps.map((one) => {
    const sql = `${one.matched} AS MATERIALIZED (${matchSql(join, one, joined)})`;
    joined = one.matched;
    return sql;
  });
  const choices = steps.map((one) => `${one.chosen} AS (${chooseSql(one, joined, join)})`);
  const features = join.views.flatMap((view) => {
    const one = steps.find(({ key }) => key === stepKey(view)) as Step;
    return Object.entries(view.columns).map(
      ([output, feature]) => `${one.chosen}.${featureColumn(one.features.indexOf(feature))} AS ${id(output)}`,
    );
  });
  const withSteps = steps.length === 0 ? '' : `WITH ${[...near, ...matches, ...choices].join(',\n')}\n`;
  return `${withSteps}SELECT ${[ids(entities.columns, 'e'), ...features].join(', ')}
FROM ${joined} AS e
${steps.map((one) => attachSql(one, entities)).join('\n')}
ORDER BY e.${id(positionColumn)}`;
}

/** What is joined once: a relation by certain keys. */
interface Step {
  readonly key: string;
  readonly near: string;
  readonly matched: string;
  readonly chosen: string;
  /** Column of the matched entity rows that names the row found, up to ties. */
  readonly match: string;
  readonly relation: string;
  readonly keys: readonly { readonly key: string; readonly column: string; readonly alias: string }[];
  readonly features: readonly string[];
  readonly ttlMs: number;
  /** ` WHERE …` or nothing: rows out of reach. Constants, so that the lake skips files and row groups by them. */
  readonly where: string;
  readonly reach: Reach;
}

const stepKey = ({ relation, keys, ttlMs }: JoinedView): string =>
  JSON.stringify([relation, Object.entries(keys), ttlMs]);

function step({ range }: PointInTimeJoin, views: readonly JoinedView[], index: number): Step {
  const { relation, keys, ttlMs, reach = 'all' } = views[0] as JoinedView;
  const bounds =
    range === undefined
      ? []
      : [
          `f.${eventTimestamp} <= ${moment(range.toUs)}`,
          ...(ttlMs > 0 ? [`f.${eventTimestamp} >= ${moment(range.fromUs - BigInt(Math.trunc(ttlMs)) * 1_000n)}`] : []),
        ];
  return {
    key: stepKey(views[0] as JoinedView),
    near: `near_${index}`,
    matched: `matched_${index}`,
    chosen: `chosen_${index}`,
    match: id(`${internalPrefix}match_${index}`),
    // As a subquery: an alias can't follow AT (VERSION => …).
    relation: `(SELECT * FROM ${relation})`,
    keys: Object.entries(keys).map(([key, column], n) => ({
      key: id(key),
      column: id(column),
      alias: id(`${internalPrefix}key_${n}`),
    })),
    features: [...new Set(views.flatMap(({ columns }) => Object.values(columns)))],
    ttlMs,
    where: bounds.length === 0 ? '' : ` WHERE ${bounds.join(' AND ')}`,
    reach: ttlMs > 0 || reach !== 'times' ? reach : 'keys',
  };
}

/** DuckDB's earliest timestamp; a ttl may reach behind it. */
const earliestUs = -9_223_372_022_400_000_000n;
const moment = (us: bigint): string => `make_timestamptz(${us < earliestUs ? earliestUs : us}::BIGINT)`;
/** Inside the statement features go by number: one may be called like anything of ours. */
const featureColumn = (n: number): string => id(`${internalPrefix}feature_${n}`);
const since = id(`${internalPrefix}since`);
const matchName = id(`${internalPrefix}match`);

/** The rows set aside by {@link nearSql}, or all. */
const rowsOf = (one: Step): string => (one.reach === 'times' ? one.near : one.relation);

/**
 * Rows near a time asked for. Time is cut into stretches as long as the ttl: a row that matches lies in the stretch of the entity
 * row's time or in the one before, so equality of key and stretch finds all of them (and some more) without comparing ranges.
 */
function nearSql({ entities }: PointInTimeJoin, one: Step): string {
  const stretch = (time: string) => `epoch_us(${time}) // ${BigInt(Math.trunc(one.ttlMs)) * 1_000n}`;
  const own = stretch(`e.${id(entities.timestamp)}`);
  const asked = one.keys.map(({ column, alias }) => `e.${column} AS ${alias}`);
  const equal = one.keys.map(({ key, alias }) => `asked.${alias} = f.${key}`);
  const names = [...one.keys.map(({ key }) => key), ...one.features.map(id)];
  const times = [eventTimestamp, createdTimestamp, '_ingest_time', '_ingest_position'];
  return `SELECT ${[...new Set([...names, ...times.map(id)])].map((name) => `f.${name}`).join(', ')} FROM ${one.relation} AS f
    SEMI JOIN (SELECT DISTINCT ${asked.join(', ')}, unnest([${own}, ${own} - 1]) AS ${since} FROM ${entities.relation} AS e) AS asked
    ON ${[...equal, `asked.${since} = ${stretch(`f.${eventTimestamp}`)}`].join(' AND ')}${one.where}`;
}

/** Adds to the entity rows what names the row found, up to ties: its event time, or its rank with the created cutoff. */
function matchSql({ entities, createdCutoff = false }: PointInTimeJoin, one: Step, joined: string): string {
  const keys = one.keys.map(({ key, alias }) => `f.${key} AS ${alias}`);
  const onlyAsked = one.keys.map(({ key, column }) => `asked.${column} = f.${key}`).join(' AND ');
  const semi = one.reach === 'keys' ? ` SEMI JOIN ${entities.relation} AS asked ON ${onlyAsked}` : '';
  const found = createdCutoff
    ? [`${visibleFrom} AS ${since}`, `${newestVisible(one)} AS ${matchName}`]
    : [`f.${eventTimestamp} AS ${since}`, `f.${eventTimestamp} AS ${matchName}`];
  const conditions = one.keys.map(({ alias, column }) => `f.${alias} = e.${column}`);
  return `SELECT e.*, f.${matchName} AS ${one.match} FROM ${joined} AS e
    ASOF LEFT JOIN (SELECT ${[...keys, ...found].join(', ')} FROM ${rowsOf(one)} AS f${semi}${one.where}) AS f
    ON ${[...conditions, `e.${id(entities.timestamp)} >= f.${since}`].join(' AND ')}`;
}

/** With the created cutoff, the moment from which a row may be used. `greatest` passes over a null created time. */
const visibleFrom = `greatest(f.${eventTimestamp}, f.${createdTimestamp})`;

/** Event time in the upper, created time in the lower half of 128 bits, so that ranks compare as integers; null is the oldest. */
const rank = `(epoch_us(f.${eventTimestamp})::HUGEINT * 18446744073709551616
      + coalesce(epoch_us(f.${createdTimestamp})::HUGEINT + 9223372036854775808, 0))`;

/**
 * The newest row that may be used need not be the one that became usable last, hence the running maximum. Rows usable from the
 * same moment on share it, so it does not matter which of them the ASOF join meets.
 */
const newestVisible = ({ keys }: Step): string =>
  `max(${rank}) OVER (PARTITION BY ${keys.map(({ key }) => `f.${key}`).join(', ')} ORDER BY ${visibleFrom})`;

/** The rows found, whole: per key and match the first by the tie order. */
function chooseSql(one: Step, joined: string, { createdCutoff = false }: PointInTimeJoin): string {
  const wanted = one.keys.map(({ column, alias }) => `${column} AS ${alias}`);
  const aliases = one.keys.map(({ alias }) => `wanted.${alias}`);
  const features = one.features.map((name, n) => `f.${id(name)} AS ${featureColumn(n)}`);
  const conditions = one.keys.map(({ key, alias }) => `wanted.${alias} = f.${key}`);
  conditions.push(`wanted.${matchName} = ${createdCutoff ? rank : `f.${eventTimestamp}`}`);
  return `SELECT ${[...aliases, `wanted.${matchName}`, `f.${eventTimestamp}`, ...features].join(', ')} FROM ${rowsOf(one)} AS f
    JOIN (SELECT DISTINCT ${wanted.join(', ')}, ${one.match} AS ${matchName} FROM ${joined} WHERE ${one.match} IS NOT NULL) AS wanted
    ON ${conditions.join(' AND ')}${one.where}
    QUALIFY row_number() OVER (PARTITION BY ${[...aliases, `wanted.${matchName}`].join(', ')} ORDER BY ${newestFirst('f')}) = 1`;
}

function attachSql(one: Step, { timestamp }: EntityRelation): string {
  const conditions = one.keys.map(({ alias, column }) => `${one.chosen}.${alias} = e.${column}`);
  conditions.push(`${one.chosen}.${matchName} = e.${one.match}`);
  // Asked again because an ASOF join that DuckDB runs as a loop (few entity rows) lets a null time match.
  conditions.push(`${one.chosen}.${eventTimestamp} <= e.${id(timestamp)}`);
  if (one.ttlMs > 0) {
    const ttl = `to_milliseconds(${Math.trunc(one.ttlMs)}::BIGINT)`;
    conditions.push(`${one.chosen}.${eventTimestamp} >= e.${id(timestamp)} - ${ttl}`);
  }
  return `LEFT JOIN ${one.chosen} ON ${conditions.join(' AND ')}`;
}
