import { type FileHandle, open, readdir } from 'node:fs/promises';
import path from 'node:path';

const newline = 0x0a;
const windowBytes = 1 << 20;

export interface BlankedEvents {
  readonly files: number;
  readonly bytes: number;
  readonly events: number;
}

/**
 * Overwrites events of topics in files by blank lines of the same length, which are no events: every other event keeps its offset,
 * and who reads or appends meanwhile goes on. An event that is still being written is left.
 * @param directory of all topics; need not be there.
 * @param dryRun only counts.
 */
export async function blankEvents(
  directory: string,
  isMeant: (event: string) => boolean,
  { dryRun, signal }: { dryRun: boolean; signal?: AbortSignal | undefined },
): Promise<BlankedEvents> {
  const total = { files: 0, bytes: 0, events: 0 };
  for (const file of await partitionFiles(directory)) {
    signal?.throwIfAborted();
    const handle = await open(file, dryRun ? 'r' : 'r+');
    try {
      const { bytes, events } = await blankFile(handle, isMeant, dryRun);
      total.files += 1;
      total.bytes += bytes;
      total.events += events;
      if (events > 0 && !dryRun) await handle.datasync();
    } finally {
      await handle.close();
    }
  }
  return total;
}

async function partitionFiles(directory: string): Promise<string[]> {
  const files: string[] = [];
  for (const topic of await readdir(directory, { withFileTypes: true }).catch(() => [])) {
    if (!topic.isDirectory()) continue;
    const names = await readdir(path.join(directory, topic.name));
    files.push(
      ...names.filter((name) => name.endsWith('.ndjson')).map((name) => path.join(directory, topic.name, name)),
    );
  }
  return files.sort();
}

async function blankFile(
  handle: FileHandle,
  isMeant: (event: string) => boolean,
  dryRun: boolean,
): Promise<{ bytes: number; events: number }> {
  let pending = Buffer.alloc(0);
  let start = 0;
  let events = 0;
  for (;;) {
    const at = start + pending.length;
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(windowBytes), 0, windowBytes, at);
    if (bytesRead === 0) return { bytes: at, events };
    const window = Buffer.concat([pending, buffer.subarray(0, bytesRead)]);
    let from = 0;
    for (let end = window.indexOf(newline); end !== -1; end = window.indexOf(newline, from)) {
      const line = window.subarray(from, end);
      if (line.length > 0 && isMeant(line.toString('utf8'))) {
        events += 1;
        if (!dryRun) await handle.write(Buffer.alloc(line.length, newline), 0, line.length, start + from);
      }
      from = end + 1;
    }
    pending = window.subarray(from);
    start += from;
  }
}
