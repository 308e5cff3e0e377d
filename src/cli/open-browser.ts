import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** The program of this system that opens an address in the user's browser. No shell: the address is one argument. */
const openers: Partial<Record<NodeJS.Platform, string>> = { darwin: 'open', win32: 'explorer.exe' };

/** A browser that stays in front, as one in a terminal, is not waited for. */
const waitMs = 4_000;

/**
 * Opens an address in the user's browser.
 * @returns why it can't be; `undefined` when it is open, as far as can be told.
 */
export async function openBrowser(
  address: string,
  platform: NodeJS.Platform = process.platform,
): Promise<string | undefined> {
  const program = openers[platform] ?? 'xdg-open';
  const child = spawn(program, [address], { stdio: 'ignore', detached: true });
  const timer = AbortSignal.timeout(waitMs);
  try {
    const [code] = (await once(child, 'exit', { signal: timer })) as [number | null];
    // The explorer of Windows ends with 1 also when all is well.
    return code === 0 || platform === 'win32' ? undefined : `${program} found no browser (it ended with ${code})`;
  } catch (error) {
    if (timer.aborted) return undefined;
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? `there is no ${program} on this machine` : `${program}: ${message}`;
  } finally {
    child.unref();
  }
}
