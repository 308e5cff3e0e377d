import { createInterface } from 'node:readline/promises';
import { DefinitionError } from '../errors.js';
import { Interrupted } from './interrupt.js';

/**
 * @throws DefinitionError when nobody can be asked and --yes is not given.
 * @param what the command and what it does: `teardown removes data`.
 */
export function requireAnswer(
  what: string,
  { yes, json }: { readonly yes: boolean; readonly json: boolean },
  mend = 'add --yes',
): void {
  const asks = process.stdin.isTTY === true && process.stderr.isTTY === true && !json;
  if (yes || asks) return;
  throw new DefinitionError(`${what} and nobody is here to be asked`, { mend });
}

/** Asks on stderr. @returns whether the answer was yes. */
export async function confirmed(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const interrupted = new Promise<never>((_, reject) => terminal.once('SIGINT', () => reject(new Interrupted())));
    const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
    const answer = await Promise.race([terminal.question(question), interrupted, closed]);
    return answer.trim().toLowerCase() === 'yes';
  } finally {
    terminal.close();
  }
}
