import path from 'node:path';
import type { OnlineStore } from '../online-store/online-store.js';
import { readOnlineOffset } from '../sync/stream-offsets.js';
import type { ForgetContext } from './context.js';
import { isDrained } from './online.js';
import type { RunFilesLook } from './run-files.js';
import { streamsRun } from './runs-at-work.js';

/** A staged file so young may be of a materialize or push at work that no record tells of. */
const youngMs = 10 * 60_000;

/** Whether nothing that was read before can still be written online: then the marks of removed rows may go. */
export async function isQuiet(
  { offline, store }: ForgetContext,
  online: OnlineStore,
  hits: RunFilesLook['hits'],
  signal?: AbortSignal,
): Promise<boolean> {
  const mayBeRead = /newest|catch-up|materialize-/;
  if (hits.some(({ file, modifiedMs }) => mayBeRead.test(path.basename(file)) && Date.now() - modifiedMs < youngMs))
    return false;
  if (!(await streamsRun(store.runs))) return true;
  const registered = (await store.state()).views;
  const wanted: { view: string; topic: string; partition: number; offset: number }[] = [];
  for (const view of store.repo.views.values()) {
    const table = registered.get(view.name)?.table;
    if (view.kind !== 'stream_feature_view' || table === undefined) continue;
    const { topic } = view.source;
    for (const [partition, { nextOffset }] of await offline.partitionProgress(table, topic))
      wanted.push({ view: view.name, topic, partition, offset: nextOffset });
  }
  const isBehind = async (): Promise<boolean> => {
    for (const { view, topic, partition, offset } of wanted) {
      const known = await readOnlineOffset(online, view, topic, partition);
      if ((known?.nextOffset ?? 0) < offset) return true;
    }
    return false;
  };
  return isDrained(isBehind, signal);
}
