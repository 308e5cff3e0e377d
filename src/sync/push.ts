import { rmSync } from 'node:fs';
import { limits } from '../config.js';
import type { FeatureTable } from '../definitions/feature-table.js';
import { ensureSchema } from '../online-store/feature-schemas.js';
import { forgetOtherLake } from './cursor.js';
import { readLakeState, type Stores } from './materialize.js';
import { packRows, readRowFile } from './online-rows.js';

export interface PushRequest {
  readonly table: FeatureTable;
  /** Cleaned staging file of the pushed rows. */
  readonly cleaned: string;
  /** A file of this push's own, removed at the end. */
  readonly file: string;
  readonly pushId: string;
  readonly provenance: string;
  readonly online: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface PushResult {
  readonly published: number;
  readonly alreadyThere: number;
  readonly snapshot: number;
  readonly online: { readonly written: number; readonly left: number };
}

/**
 * Publishes rows and brings the newest row of each pushed key online, as a materialize of those keys at the snapshot of the
 * publication would: both stores agree, whatever else is going on.
 */
export async function pushRows(stores: Stores, request: PushRequest): Promise<PushResult> {
  const { lake, offline, online } = stores;
  const { table, cleaned, file, pushId, provenance, signal } = request;
  const { published, alreadyThere, snapshot } = await offline.publish({
    table,
    file: cleaned,
    runId: pushId,
    provenance,
    signal,
  });
  if (!request.online || published === 0) return { published, alreadyThere, snapshot, online: { written: 0, left: 0 } };
  await forgetOtherLake(online, table.view, await readLakeState(offline, table));
  await offline.writeNewestRows({
    table,
    keys: { type: 'changed', fromSnapshot: snapshot, toSnapshot: snapshot, after: undefined },
    snapshot,
    end: new Date(Date.now() + limits.allowedClockSkewMs),
    file,
    signal,
  });
  const schema = await ensureSchema(online, table);
  const counts = { written: 0, left: 0 };
  for await (const { columns } of readRowFile(lake, table, file, { batchRows: limits.onlineWriteChunkRows, signal })) {
    const entries = packRows(table, columns, { schema, committed: snapshot, reflects: snapshot });
    const report = await online.replace(table, entries, snapshot);
    counts.written += report.written;
    counts.left += report.left;
  }
  rmSync(file, { force: true });
  return { published, alreadyThere, snapshot, online: counts };
}
