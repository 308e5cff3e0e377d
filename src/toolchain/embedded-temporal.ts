import { existsSync } from 'node:fs';
import { AsofError, StoreUnavailableError } from '../errors.js';
import { type LaunchOptions, launchServer } from './embedded-launch.js';
import {
  createEmbeddedFolder,
  type EmbeddedTemporal,
  embeddedFiles,
  removeRecord,
  runningServer,
  writeRecord,
} from './embedded-record.js';
import { endServer } from './embedded-stop.js';
import { withExclusiveLock } from './exclusive-lock.js';
import { toolchain } from './toolchain-limits.js';

export interface EmbeddedTemporalOptions extends LaunchOptions {
  /** The project's state folder; created when it is not there. */
  readonly stateDir: string;
}

/**
 * The project's own Temporal server, ready for workflows: one that runs already, else a new one, which outlives this process
 * and its terminal. Never a second one on the same files, whatever starts at once: two would destroy them.
 * @throws StoreUnavailableError when it does not start or does not answer, with the end of its log.
 */
export async function startOrJoinEmbeddedTemporal(
  options: EmbeddedTemporalOptions,
): Promise<EmbeddedTemporal & { readonly started: boolean }> {
  await createEmbeddedFolder(options.stateDir);
  const files = await embeddedFiles(options.stateDir);
  const onWait = () =>
    options.report?.({ message: 'another process is starting or stopping Temporal; waiting for it' });
  return withExclusiveLock(files.lock, { signal: options.signal, onWait }, async () => {
    const running = await runningServer(files);
    if (running === undefined) return { ...(await launchServer(files, options)), started: true };
    await join(running, options.signal);
    await writeRecord(files, running);
    return { ...running, started: false };
  });
}

/** The embedded server of a state folder, if its process runs. */
export async function readEmbeddedTemporal(stateDir: string): Promise<EmbeddedTemporal | undefined> {
  return existsSync(stateDir) ? runningServer(await embeddedFiles(stateDir)) : undefined;
}

/**
 * Stops the embedded server and waits until it is gone. Running workflows go on when it is started again.
 * @returns whether one was running.
 */
export async function stopEmbeddedTemporal(stateDir: string): Promise<boolean> {
  if (!existsSync(stateDir)) return false;
  const files = await embeddedFiles(stateDir);
  return withExclusiveLock(files.lock, {}, async () => {
    const running = await runningServer(files);
    if (running !== undefined) await endServer(files, running.pid);
    await removeRecord(files);
    return running !== undefined;
  });
}

/** Its starter may have been killed half-way, so what asof needs is made sure of here too. */
async function join(running: EmbeddedTemporal, signal: AbortSignal | undefined): Promise<void> {
  const { prepareNamespace } = await import('./temporal-namespace.js');
  try {
    await prepareNamespace({ ...running, deadlineMs: toolchain.serverStartMaxMs, signal });
  } catch (error) {
    if (error instanceof AsofError || signal?.aborted === true) throw error;
    throw new StoreUnavailableError(
      `the embedded Temporal server runs but does not answer: ${(error as Error).message}`,
      {
        where: running.address,
        mend: `end process ${running.pid} and start again; running workflows go on`,
        cause: error,
      },
    );
  }
}
