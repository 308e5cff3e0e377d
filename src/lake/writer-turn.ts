import { closeSync, openSync } from 'node:fs';
import lockfile from 'proper-lockfile';
import { limits } from '../config.js';
import { Semaphore } from './semaphore.js';

/**
 * Writers on one SQLite catalog take turns, across processes. This is fairness, not safety: without turns a busy stream starves
 * everybody else, because any transaction that began reading before another's commit fails. So a turn that can't be had in time
 * is skipped, and a holder that was killed blocks nobody for longer than the lock takes to go stale.
 */
export class WriterTurn {
  readonly #file: string;
  readonly #inProcess = new Semaphore(1);

  constructor(file: string) {
    this.#file = file;
    closeSync(openSync(file, 'a'));
  }

  use<T>(work: () => Promise<T>): Promise<T> {
    return this.#inProcess.use(async () => {
      const release = await this.#acquire();
      try {
        return await work();
      } finally {
        await release().catch(() => undefined);
      }
    });
  }

  async #acquire(): Promise<() => Promise<void>> {
    const giveUpAt = Date.now() + limits.writerTurnWaitMaxMs;
    for (;;) {
      try {
        return await lockfile.lock(this.#file, { stale: limits.writerTurnStaleMs, onCompromised: () => undefined });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ELOCKED' || Date.now() > giveUpAt) return async () => undefined;
      }
      await new Promise((resolve) => setTimeout(resolve, 3 + Math.random() * 12));
    }
  }
}
