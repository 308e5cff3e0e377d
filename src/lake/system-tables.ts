import { id } from './sql.js';

/**
 * asof's own tables. Updates of two rows of one small table collide on a Postgres catalog, so whatever must not wait for another
 * thing has a table of its own (heads and offsets per view, leases per pipeline); tables shared by all are only appended to.
 * A newer version may add columns at the end, never change or remove one.
 */
export const systemTables = {
  /** One row: who this lake is. A cursor that names another lake is void. */
  lake: 'lake_id VARCHAR, created_at TIMESTAMPTZ',
  /** One row, updated by every apply: two applies collide here. */
  registry_head: 'version BIGINT, updated_at TIMESTAMPTZ',
  /** One row per object and version in which it changed. */
  registry_objects: 'version BIGINT, applied_at TIMESTAMPTZ, kind VARCHAR, name VARCHAR, spec VARCHAR, removed BOOLEAN',
  /** Events of runs: opened, step finished, closed; the newest event of a kind counts. */
  run_events:
    'run_id VARCHAR, workflow_id VARCHAR, pipeline VARCHAR, recorded_at TIMESTAMPTZ, event VARCHAR, detail VARCHAR',
  /**
   * What the explore-and-validate step found, per run and view: profile, expectation and drift results as JSON. `facts`: what else its
   * report is made of, so that it can be made again when its file is gone.
   */
  validation_results:
    'run_id VARCHAR, view_name VARCHAR, recorded_at TIMESTAMPTZ, quality VARCHAR, profile VARCHAR, expectations VARCHAR, report VARCHAR, drift VARCHAR, facts VARCHAR',
  /**
   * The same, one row per expectation: of a run and the interval it was for, so that one can ask since when a rule fails. `position`
   * is that in the view's list; `observed` is a figure or text as JSON.
   */
  expectation_results:
    'run_id VARCHAR, pipeline VARCHAR, view_name VARCHAR, interval_start TIMESTAMPTZ, interval_end TIMESTAMPTZ, "position" INTEGER, expectation VARCHAR, rule VARCHAR, "columns" VARCHAR, severity VARCHAR, status VARCHAR, checked BIGINT, failed BIGINT, observed VARCHAR, note VARCHAR, recorded_at TIMESTAMPTZ',
  /**
   * What each run published into which table: counts, and where it came from (file, hash, size, rows, schema, owner), as JSON; the
   * snapshot it was compared with, and the versions of definitions and code that made it. `snapshot` is set by upkeep; until then
   * the row's own `snapshot_id` tells it, which lasts until the row is written into another file because others were deleted.
   */
  publications:
    'run_id VARCHAR, table_name VARCHAR, recorded_at TIMESTAMPTZ, counts VARCHAR, provenance VARCHAR, base_snapshot BIGINT, registry_version BIGINT, code VARCHAR, snapshot BIGINT',
  /** From which offset on a run read a partition of a topic, until the next line of it; a line only where something changed. */
  stream_claims:
    'table_name VARCHAR, topic VARCHAR, "partition" INTEGER, epoch BIGINT, from_offset BIGINT, run_id VARCHAR, registry_version BIGINT, code VARCHAR, recorded_at TIMESTAMPTZ',
  /**
   * What was published: a view of a run, or (no view) all that the run was for. Pipelines that run after others read it, and of
   * released rows the quarantine.
   */
  outbox: 'run_id VARCHAR, pipeline VARCHAR, view_name VARCHAR, recorded_at TIMESTAMPTZ',
  /** Which runs were started because others published, by the identity of what was published. */
  dispatches:
    'pipeline VARCHAR, dispatch_id VARCHAR, upstream_run VARCHAR, interval_start TIMESTAMPTZ, interval_end TIMESTAMPTZ, workflow_id VARCHAR, recorded_at TIMESTAMPTZ',
  /**
   * Rows set aside by a quarantine rule, as JSON, and what people decided about them: `state` null = held; of dropped ones the row
   * is null. `broken`: rules with their columns, `types`: of the row's columns, `source`: where it was read, all as JSON. Rows of
   * older versions have null in what comes after `row`; src/quality/quarantined-rows.ts reads them all alike.
   */
  quarantine:
    'run_id VARCHAR, view_name VARCHAR, recorded_at TIMESTAMPTZ, rule VARCHAR, row VARCHAR, id VARCHAR, pipeline VARCHAR, interval_start TIMESTAMPTZ, interval_end TIMESTAMPTZ, source VARCHAR, broken VARCHAR, types VARCHAR, state VARCHAR, decided_at TIMESTAMPTZ, decided_by VARCHAR, reason VARCHAR',
  /** Stream events that could not be used, with their place and the reason. */
  dead_letters:
    'view_name VARCHAR, topic VARCHAR, "partition" INTEGER, "offset" BIGINT, recorded_at TIMESTAMPTZ, reason VARCHAR, payload BLOB',
  /** Snapshots that somebody reads, until when. The row without id is a head: who takes a pin and who lets snapshots go collide there. */
  pins: 'id VARCHAR, snapshot BIGINT, reason VARCHAR, taken_at TIMESTAMPTZ, expires_at TIMESTAMPTZ',
  /**
   * Answers that were saved: each can be made again as long as its snapshot is there. `place`: table or file; `expires_at` null = never;
   * `forgotten_at`: since when its snapshot is gone because an entity was forgotten.
   */
  training_sets:
    'name VARCHAR, place VARCHAR, snapshot BIGINT, features VARCHAR, "rows" BIGINT, created_at TIMESTAMPTZ, expires_at TIMESTAMPTZ, forgotten_at TIMESTAMPTZ',
  /** Runs of snapshots (both ends included) that upkeep takes out, or has, without a gap in the change feed of any view. */
  thinned_snapshots: '"first" BIGINT, "last" BIGINT',
  /** Runs of snapshots (both ends included) that were let go: nobody can pin them any more. Those still there are expired next. */
  expiring_snapshots: '"first" BIGINT, "last" BIGINT',
  /** What upkeep did, and which snapshots the project's online store needs: other projects of the lake can't ask it. */
  upkeep_runs: 'recorded_at TIMESTAMPTZ, snapshot BIGINT, cursors VARCHAR, keep_ms BIGINT, report VARCHAR',
  /**
   * Entities that were forgotten, never by name: `digest` is a hash of the key. The newest row of an id says how far it came; with state
   * `expired`, all snapshots before `snapshot` are gone.
   */
  forgets:
    'id VARCHAR, recorded_at TIMESTAMPTZ, state VARCHAR, digest VARCHAR, join_keys VARCHAR, reason VARCHAR, snapshot BIGINT, detail VARCHAR',
  /** The keys the project hashed personal data with, by fingerprint; the newest holds. */
  pii_key: 'fingerprint VARCHAR, recorded_at TIMESTAMPTZ',
} as const;

export type SystemTable = keyof typeof systemTables;

/** The schema that holds a project's own tables, beside the schema of its feature tables. */
export const systemSchema = (project: string): string => `${project}_asof`;

/** The columns of a table, each as `name TYPE`. No type of a system table has a comma. */
export const systemColumns = (table: SystemTable): string[] => systemTables[table].split(', ');

/** Also brings the columns that a newer version added to tables that are there; old rows have null in them. */
export const createSystemTables = (catalog: string, project: string): string[] => [
  `CREATE SCHEMA IF NOT EXISTS ${catalog}.${id(project)}`,
  `CREATE SCHEMA IF NOT EXISTS ${catalog}.${id(systemSchema(project))}`,
  ...(Object.keys(systemTables) as SystemTable[]).flatMap((table) => {
    const name = `${catalog}.${id(systemSchema(project))}.${id(table)}`;
    return [
      `CREATE TABLE IF NOT EXISTS ${name} (${systemTables[table]})`,
      ...systemColumns(table).map((column) => `ALTER TABLE ${name} ADD COLUMN IF NOT EXISTS ${column}`),
    ];
  }),
];
