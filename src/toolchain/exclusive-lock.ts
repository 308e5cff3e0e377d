import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import lockfile from 'proper-lockfile';
import { StoreUnavailableError } from '../errors.js';
import { toolchain } from './toolchain-limits.js';

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called once when another process holds the lock. */
  readonly onWait?: (() => void) | undefined;
}

/**
 * Runs `work` while no other process of this machine does so under the same lock file. Waits as long as the holder lives.
 * @throws StoreUnavailableError when the lock's folder is not writable.
 */
export async function withExclusiveLock<T>(file: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const release = await acquire(file, options);
  try {
    return await work();
  } finally {
    // A lock that went stale meanwhile (a suspended machine) is not ours to give back.
    await release().catch(() => undefined);
  }
}

async function acquire(file: string, { signal, onWait }: LockOptions): Promise<() => Promise<void>> {
  let told = false;
  for (;;) {
    signal?.throwIfAborted();
    try {
      await mkdir(path.dirname(file), { recursive: true });
      return await lockfile.lock(file, {
        realpath: false,
        lockfilePath: file,
        stale: toolchain.lockStaleMs,
        onCompromised: () => undefined,
      });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') {
        throw new StoreUnavailableError(`can't be locked: ${(error as Error).message}`, {
          where: file,
          mend: 'check that its folder exists on a disk with space and is writable for this user',
          cause: error,
        });
      }
    }
    if (!told) onWait?.();
    told = true;
    // What the loop throws on an abort is the signal's own reason.
    await sleep(toolchain.lockPollMs, undefined, { signal }).catch(() => undefined);
  }
}
