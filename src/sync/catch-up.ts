import { rmSync } from 'node:fs';
import type { FeatureTable } from '../definitions/feature-table.js';
import { fencedOff } from '../offline-store/fenced-off.js';
import type { PartitionClaim } from '../offline-store/offline-store.js';
import { ensureSchema } from '../online-store/feature-schemas.js';
import { readLakeState } from './lake-state.js';
import { materializeView } from './materialize.js';
import { dueNow, type LiveEnd } from './online-ends.js';
import { packRows, pickRows, readRowFile } from './online-rows.js';
import { beginAnew, settleOrigin } from './origin.js';
import type { Stores } from './stores.js';
import { readOnlineOffset, writeOnlineOffset } from './stream-offsets.js';

interface CatchUpRequest {
  readonly table: FeatureTable;
  readonly topic: string;
  readonly topicId: string;
  readonly claims: readonly PartitionClaim[];
  readonly liveEnd: LiveEnd;
  /** A file of this consumer's own. */
  readonly file: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Brings the online rows to where the lake is before a consumer reads on: a consumer that died between its two stores left rows in
 * the lake that are not online, and an online store that was emptied knows nothing at all.
 * @returns the incarnation of the online rows, to be noted with the offsets.
 */
export async function catchUp(stores: Stores, request: CatchUpRequest): Promise<string> {
  const { online } = stores;
  const { table, topic, topicId, claims, file, signal } = request;
  const state = await readLakeState(stores, table);
  let { incarnation } = await settleOrigin(stores, table.view, state);
  const offsets = await Promise.all(
    claims.map(async (claim) => ({ claim, known: await readOnlineOffset(online, table.view, topic, claim.partition) })),
  );
  const ahead = offsets.filter(({ claim, known }) => known?.topicId === topicId && known.nextOffset > claim.nextOffset);
  const isAhead = ahead.length > 0;
  if (isAhead) await checkHeld(stores, request, ahead);
  // The lake was set back: rows the stream wrote since carry snapshot numbers that will come again and mean something else.
  if (isAhead) incarnation = await beginAnew(online, table.view, state, true);
  const goesOn = offsets.every(
    ({ known }) => known !== undefined && known.topicId === topicId && known.incarnation === incarnation,
  );
  // Full when the store was emptied, because the cursor is gone as well.
  if (!goesOn) await materializeView(stores, { table, mode: { type: 'incremental' }, file, signal });
  for (const { claim, known } of offsets) {
    const { partition, nextOffset } = claim;
    if (goesOn && known !== undefined && known.nextOffset < nextOffset) {
      await applyAgain(stores, request, { partition, from: known.nextOffset, to: nextOffset });
    }
    await writeOnlineOffset(online, table.view, topic, partition, { topicId, nextOffset, incarnation });
  }
  return incarnation;
}

/**
 * Notes ahead of a claim mean that the lake was set back, unless another consumer took the partition over and read on since: then
 * its rows are right as they are.
 */
async function checkHeld(
  { offline }: Stores,
  { table, topic }: CatchUpRequest,
  ahead: readonly { readonly claim: PartitionClaim }[],
): Promise<void> {
  const now = await offline.partitionProgress(table, topic);
  for (const { claim } of ahead) {
    if (now.get(claim.partition)?.epoch !== claim.epoch) throw fencedOff(table, topic, claim);
  }
}

async function applyAgain(
  { lake, offline, online }: Stores,
  { table, topic, liveEnd, file, signal }: CatchUpRequest,
  range: { partition: number; from: number; to: number },
): Promise<void> {
  await offline.writeStreamRows({ table, topic, ...range, file, signal });
  const schema = await ensureSchema(online, table);
  const due = BigInt(dueNow().getTime()) * 1_000n;
  for await (const { columns, committed } of readRowFile(lake, table, file, { withCommitted: true, signal })) {
    const events = columns.event as readonly bigint[];
    const isDue = events.flatMap((event, row) => (event <= due ? [row] : []));
    if (isDue.length === 0) continue;
    await liveEnd.cover(
      isDue.reduce((most, row) => ((events[row] as bigint) > most ? (events[row] as bigint) : most), 0n),
    );
    const origin = { schema, committed: isDue.map((row) => committed[row] as number), reflects: 0 };
    await online.writeNewer(table, packRows(table, pickRows(columns, isDue), origin));
  }
  rmSync(file, { force: true });
}
