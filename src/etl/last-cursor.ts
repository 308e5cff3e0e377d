import { createHash } from 'node:crypto';
import type { DatabaseProvenance, LastCursor } from '../batch-source/index.js';
import type { BatchSource } from '../definitions/batch-source.js';
import { type FeatureTable, tableName } from '../definitions/feature-table.js';
import type { AnyFeatureView } from '../definitions/feature-view.js';
import type { PostgresSource } from '../definitions/postgres-source.js';
import type { Lake } from '../lake/index.js';

/**
 * Where the last run that published rows of a source into a view's table ended reading. It is kept with the publication, so a run
 * that fails does not move it, and a new generation of the table, another query, cursor column or feature begin at the start.
 * A database that moved to another address also does: that is safe, rows that are there are not written again.
 */
export async function lastCursor(
  lake: Lake,
  table: FeatureTable,
  view: AnyFeatureView,
  source: PostgresSource,
): Promise<LastCursor | undefined> {
  const { name, table: relation, query, cursor } = source;
  if (cursor === undefined) return undefined;
  const [row] = await lake.all<{ provenance: string }>(
    `SELECT provenance FROM ${lake.system('publications')}
     WHERE table_name = $1 AND json_extract_string(provenance, '$.source') = $2
       AND json_extract_string(provenance, '$.cursor.column') = $3 AND json_extract_string(provenance, '$.cursor.to') IS NOT NULL
       AND json_extract_string(provenance, '$.table') IS NOT DISTINCT FROM $4
       AND json_extract_string(provenance, '$.query') IS NOT DISTINCT FROM $5
       AND json_extract_string(provenance, '$.reading') = $6
     ORDER BY recorded_at DESC LIMIT 1`,
    [tableName(table), name, cursor, relation ?? null, query ?? null, readingHash(view, source)],
  );
  if (row === undefined) return undefined;
  const { database, cursor: range } = JSON.parse(row.provenance) as DatabaseProvenance;
  return range?.to === undefined ? undefined : { database, type: range.type, to: range.to };
}

/**
 * What decides which rows and columns of a source come into the table. When it changes, the rows already read are read once more:
 * a feature that was added has its values in them. (The transform of a stream is not known here; `asof plan` tells of its change.)
 */
export function readingHash(view: AnyFeatureView, source: BatchSource): string {
  const { joinKeys, features, clean } = view;
  const { timestampField, createdTimestampField, pii } = source;
  const decisive = { joinKeys, features, clean, timestampField, createdTimestampField, pii };
  return createHash('sha256').update(JSON.stringify(decisive)).digest('hex').slice(0, 16);
}
