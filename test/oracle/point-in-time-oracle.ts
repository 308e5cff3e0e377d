/** What a point-in-time join means, as nested loops: slow, and meant to be right at a glance. Times are milliseconds since 1970. */
export interface OracleRow {
  readonly keys: Readonly<Record<string, unknown>>;
  readonly event: number;
  readonly created: number | null;
  /** Which commit the row came with, then its place there: the last tie-break. */
  readonly ingestTime: number;
  readonly ingestPosition: number;
  readonly values: Readonly<Record<string, unknown>>;
}

export interface OracleView {
  readonly rows: readonly OracleRow[];
  /** Join key → column of the entity rows. */
  readonly keys: Readonly<Record<string, string>>;
  /** Output name → feature. */
  readonly columns: Readonly<Record<string, string>>;
  readonly ttlMs: number;
}

export interface OracleEntity {
  readonly time: number | null;
  readonly row: Readonly<Record<string, unknown>>;
}

/** The features of each entity row, in order. */
export function oracleJoin(
  entities: readonly OracleEntity[],
  views: readonly OracleView[],
  createdCutoff: boolean,
): Record<string, unknown>[] {
  return entities.map((entity) => {
    const answer: Record<string, unknown> = {};
    for (const view of views) {
      let newest: OracleRow | undefined;
      for (const row of view.rows) {
        if (!usable(row, entity, view, createdCutoff)) continue;
        if (newest === undefined || isNewer(row, newest)) newest = row;
      }
      for (const [output, feature] of Object.entries(view.columns)) answer[output] = newest?.values[feature] ?? null;
    }
    return answer;
  });
}

function usable(row: OracleRow, entity: OracleEntity, view: OracleView, createdCutoff: boolean): boolean {
  if (entity.time === null) return false;
  for (const [key, column] of Object.entries(view.keys)) {
    if (entity.row[column] === null || row.keys[key] === null) return false;
    if (entity.row[column] !== row.keys[key]) return false;
  }
  if (row.event > entity.time) return false;
  if (view.ttlMs > 0 && row.event < entity.time - view.ttlMs) return false;
  if (createdCutoff && row.created !== null && row.created > entity.time) return false;
  return true;
}

/** The tie order: event time, created time (none = oldest), ingest time, position. */
function isNewer(a: OracleRow, b: OracleRow): boolean {
  if (a.event !== b.event) return a.event > b.event;
  if (a.created !== b.created) {
    if (a.created === null) return false;
    if (b.created === null) return true;
    return a.created > b.created;
  }
  if (a.ingestTime !== b.ingestTime) return a.ingestTime > b.ingestTime;
  return a.ingestPosition > b.ingestPosition;
}
