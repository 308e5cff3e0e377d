import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import {
  acceptKey,
  compareKeys,
  hashWith,
  keyFingerprint,
  knownKey,
  piiKey,
  piiKeyVariable,
} from '../personal-data/index.js';
import { action, describeCommand, exampleText, type GlobalOptions, withStore } from './command.js';
import { printJson } from './output.js';

export function registerPii(program: Command): void {
  const pii = program
    .command('pii')
    .description('personal data: the hash of a value, and the key that hashes are made with')
    .addHelpText('after', exampleText('asof pii hash 1001'));
  describeCommand(
    pii
      .command('hash')
      .description('what ingest makes of values under the rule hash; without values, of the lines of standard input')
      .argument('[values...]'),
    `asof get-online-features --service driver_ranking --key driver_id=$(asof pii hash 1001)
cat phones.txt | asof pii hash`,
  ).action(action(hash));
  describeCommand(
    pii
      .command('key')
      .description(`whether ${piiKeyVariable} is the key that this project hashes with`)
      .option('--accept', 'go on with the key in the environment; what was hashed before does not join with it', false),
    'asof pii key',
  ).action(action(key));
}

async function hash(options: GlobalOptions, given: readonly string[]): Promise<undefined> {
  const secret = piiKey('asof pii hash');
  await withStore(options, async ({ lake }) => compareKeys(await knownKey(lake), secret, 'asof pii hash'));
  const hashed = hashWith(secret);
  const values = given.length > 0 ? given : createInterface({ input: process.stdin });
  const hashes: string[] = [];
  for await (const value of values) {
    if (options.json) hashes.push(hashed(value));
    else console.log(hashed(value));
  }
  if (options.json) printJson({ hashes });
}

async function key(options: GlobalOptions, { accept }: { accept: boolean }): Promise<undefined> {
  await withStore(options, async ({ lake }) => {
    const secret = piiKey('asof pii key');
    const before = await knownKey(lake);
    if (!accept) compareKeys(before, secret, 'asof pii key');
    const known = accept ? await acceptKey(lake, secret) : before;
    const changed = accept && before !== undefined && before.fingerprint !== keyFingerprint(secret);
    if (options.json) return printJson({ key: known ?? null, changed });
    if (known === undefined) console.log("Nothing was hashed yet; the first key that is used becomes the project's.");
    else console.log(`${piiKeyVariable} is the key of this project since ${known.since.toISOString()}.`);
    if (changed) console.log('What was hashed before does not join with it: ingest it again from its sources.');
  });
}
