import { setTimeout as sleep } from 'node:timers/promises';
import { StoreUnavailableError } from '../errors.js';
import { type EmbeddedFiles, serverRuns } from './embedded-record.js';
import { toolchain } from './toolchain-limits.js';

/**
 * Ends the server of these files and waits until it is gone. SIGTERM lets it close its database; one that hangs is killed.
 * Touches nothing when the process is another one by now.
 */
export async function endServer(files: EmbeddedFiles, pid: number): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!(await serverRuns(files, pid))) return;
    send(pid, signal);
    const giveUpAt = Date.now() + toolchain.serverStopMaxMs;
    while (Date.now() < giveUpAt) {
      if (!(await serverRuns(files, pid))) return;
      await sleep(25);
    }
  }
  throw new StoreUnavailableError(`the embedded Temporal server (process ${pid}) does not end`, {
    where: files.database,
    mend: `end process ${pid} before anything else uses this folder`,
  });
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // It may have ended by itself just now.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
