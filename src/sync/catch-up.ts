import { rmSync } from 'node:fs';
import { limits } from '../config.js';
import type { FeatureTable } from '../definitions/feature-table.js';
import type { PartitionClaim } from '../offline-store/offline-store.js';
import { ensureSchema } from '../online-store/feature-schemas.js';
import { forgetOtherLake } from './cursor.js';
import { materializeView, readLakeState, type Stores } from './materialize.js';
import { packRows, readRowFile } from './online-rows.js';
import { readOnlineOffset, writeOnlineOffset } from './stream-offsets.js';

interface CatchUpRequest {
  readonly table: FeatureTable;
  readonly topic: string;
  readonly topicId: string;
  readonly claims: readonly PartitionClaim[];
  /** A file of this consumer's own. */
  readonly file: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Brings the online rows to where the lake is before a consumer reads on: a consumer that died between its two stores left rows in
 * the lake that are not online, and an online store that was emptied knows nothing at all.
 */
export async function catchUp(stores: Stores, request: CatchUpRequest): Promise<void> {
  const { online, offline, lake } = stores;
  const { table, topic, topicId, claims, file, signal } = request;
  await forgetOtherLake(online, table.view, await readLakeState(offline, table));
  const offsets = await Promise.all(
    claims.map(async (claim) => ({ claim, known: await readOnlineOffset(online, table.view, topic, claim.partition) })),
  );
  const flushed = offsets.some(({ known }) => known === undefined || known.topicId !== topicId);
  if (flushed) await materializeView(stores, { table, mode: { type: 'full' }, file, signal });
  for (const { claim, known } of offsets) {
    const { partition, nextOffset } = claim;
    if (!flushed && known !== undefined && known.nextOffset < nextOffset) {
      await offline.writeStreamRows({ table, topic, partition, from: known.nextOffset, to: nextOffset, file, signal });
      const schema = await ensureSchema(online, table);
      const batches = readRowFile(lake, table, file, {
        batchRows: limits.onlineWriteChunkRows,
        withCommitted: true,
        signal,
      });
      for await (const { columns, committed } of batches) {
        await online.writeNewer(table, packRows(table, columns, { schema, committed, reflects: 0 }));
      }
      rmSync(file, { force: true });
    }
    await writeOnlineOffset(online, table.view, topic, partition, { topicId, nextOffset });
  }
}
