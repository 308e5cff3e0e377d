import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';

/**
 * Runs `work` with an empty folder beside `target`, on the same disk, from which the result is renamed into place: nobody ever
 * sees half of it. The folder is removed afterwards, and so are those of earlier fetches that were killed; the caller holds
 * the target's lock.
 */
export async function withPartialFolder<T>(target: string, work: (folder: string) => Promise<T>): Promise<T> {
  const parent = path.dirname(target);
  const prefix = `${path.basename(target)}.partial-`;
  await mkdir(parent, { recursive: true });
  for (const name of await readdir(parent)) {
    if (name.startsWith(prefix)) await rm(path.join(parent, name), { recursive: true, force: true });
  }
  const folder = path.join(parent, prefix + randomUUID());
  await mkdir(folder);
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
