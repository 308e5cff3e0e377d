import { toolchain } from './toolchain-limits.js';

/**
 * Fetches a URL whose server must begin to answer within a few seconds, so that a machine without that network goes on at
 * once; the content may then take as long as it needs.
 * @throws Error that says what kept the server from answering.
 */
export async function firstAnswer(url: string, signal: AbortSignal | undefined): Promise<Response> {
  const { origin } = new URL(url);
  const slow = new AbortController();
  const timer = setTimeout(() => slow.abort(), toolchain.downloadProbeMs);
  try {
    return await fetch(url, { signal: eitherSignal(slow.signal, signal) });
  } catch (error) {
    if (slow.signal.aborted) throw new Error(`${origin} did not answer within ${toolchain.downloadProbeMs / 1000} s`);
    const { cause } = error as Error;
    if (cause instanceof Error) throw new Error(`${origin} can't be reached: ${cause.message}`, { cause });
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

export function eitherSignal(first: AbortSignal, second: AbortSignal | undefined): AbortSignal {
  return second === undefined ? first : AbortSignal.any([first, second]);
}
