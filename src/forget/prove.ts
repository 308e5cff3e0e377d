import path from 'node:path';
import type { Lake } from '../lake/index.js';
import type { OnlineStore } from '../online-store/online-store.js';
import { blankEvents } from '../stream-source/blank-events.js';
import { lookAtBytes } from './catalog-bytes.js';
import { lookAtCatalog, shownTable } from './catalog-rows.js';
import { lookAtDataFiles } from './data-files.js';
import type { ForgottenKey } from './key.js';
import { type OnlineKeys, onlineTraces } from './online.js';
import type { Left, Proof } from './report.js';
import { lookAtRunFiles } from './run-files.js';
import { eventHolds } from './text.js';

export interface ProofRequest {
  readonly lake: Lake;
  readonly keys: readonly ForgottenKey[];
  readonly online: OnlineStore;
  readonly onlineKeys: OnlineKeys;
  /** Folder of the embedded topics; `undefined` with a broker. */
  readonly eventLogs: string | undefined;
  readonly lineageFile?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onFile?: ((done: number, of: number) => void) | undefined;
}

const again = 'do it again: asof forget';

/** Reads every place an entity's data may be in, not by what the tables say but file by file. */
export async function prove(request: ProofRequest): Promise<{ proof: Proof; left: Left[]; spilled: number }> {
  const { lake, keys, online, eventLogs, lineageFile, signal, onFile } = request;
  const left: Left[] = [];
  const shown = (file: string): string => path.relative(path.dirname(lake.stateDir), file);
  const add = (place: string, what: string, mend: string): unknown => left.push({ place, what, mend });

  const data = await lookAtDataFiles(lake, keys, { signal, onFile });
  for (const { file, rows, problem } of data.hits) {
    if (problem === undefined)
      add(
        shown(file),
        `${rows === 1 ? '1 row' : `${rows} rows`} of the key`,
        `${again}; a file that the lake does not know may be of a writer at work: remove it when it is an hour old`,
      );
    else add(shown(file), `can't be read: ${problem}`, 'see what it is, and remove it');
  }
  const runs = await lookAtRunFiles(lake, keys, { lineageFile, signal });
  for (const { file, problem } of runs.hits)
    add(shown(file), problem === undefined ? 'tells of the key' : `can't be read: ${problem}`, again);
  const topics =
    eventLogs === undefined
      ? { files: 0, bytes: 0, events: 0 }
      : await blankEvents(eventLogs, (event) => eventHolds(event, keys), { dryRun: true, signal });
  if (topics.events > 0) add('embedded topics', `${topics.events} events of the key`, `sent meanwhile? ${again}`);
  for (const hit of await lookAtCatalog(lake, keys)) add(`catalog, ${shownTable(hit)}`, hit.place, again);
  const bytes = await lookAtBytes(lake, keys);
  if (bytes.hits > 0) add('catalog file', 'the key stands in pages that are free, or in its log of changes', again);
  const traces = await onlineTraces(online, request.onlineKeys);
  if (traces.stored > 0)
    add(
      'online store',
      `${traces.stored} marks or rows under the key`,
      `${again}, when no run, push or materialize is at work`,
    );
  if (traces.remains > traces.stored)
    add(
      'online store',
      `the key stands in its file ${traces.remains} times`,
      `${again}; a process that reads may have held pages`,
    );
  const proof: Proof = {
    dataFiles: data.files,
    dataBytes: data.bytes,
    runFiles: runs.files,
    runBytes: runs.bytes,
    topicFiles: topics.files,
    topicBytes: topics.bytes,
    catalogBytes: bytes.bytes,
    onlineBytes: traces.bytes,
  };
  return { proof, left, spilled: runs.spilled };
}
