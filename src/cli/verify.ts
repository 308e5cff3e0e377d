import { randomInt } from 'node:crypto';
import type { Command } from 'commander';
import { DefinitionError } from '../errors.js';
import { describeWrongs, type VerifyOptions, type VerifyProgress, type VerifyResult } from '../index.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { exitCodes } from './exit-code.js';
import { interruptSignal } from './interrupt.js';
import { countOption } from './option-values.js';
import { plural, printJson, printTable, seconds } from './output.js';
import { rate, runTasks } from './progress.js';

interface Given {
  readonly sample?: string;
  readonly seed?: string;
}

/** Seeds are 32 bits. */
const seedsEnd = 2 ** 31;

export function registerVerify(program: Command): void {
  describeCommand(
    program
      .command('verify')
      .argument('[views...]', 'only these; default: all that feed the online store')
      .option('--sample <n>', 'only so many keys of the lake and of the online store; default: all')
      .option(
        '--seed <n>',
        'which keys a sample takes; the same seed takes the same ones. Default: another one each time',
      ),
    'asof verify\nasof verify driver_stats --sample 1000 --seed 7',
  ).action(action(verify));
}

async function verify(options: GlobalOptions, views: readonly string[], given: Given): Promise<number> {
  const sample = sampleOf(given);
  const signal = interruptSignal();
  const results = await withStore(options, async (store) => {
    await store.requireApplied();
    const names = store.onlineViews(views.length === 0 ? undefined : views);
    return runTasks(
      names.map((view) => ({
        title: view,
        run: (update) => {
          const line = phases();
          return store.steps.checkOnline(view, { sample, signal, onProgress: (progress) => update(line(progress)) });
        },
      })),
      options,
    );
  });
  const agrees = results.every((result) => result.agrees);
  if (options.json) printJson({ agrees, seed: sample?.seed, views: results });
  else print(results, sample);
  return agrees ? exitCodes.ok : exitCodes.data;
}

function sampleOf({ sample, seed }: Given): VerifyOptions['sample'] {
  const [size, chosen] = [countOption('--sample', sample), countOption('--seed', seed)];
  if (size === 0) throw new DefinitionError('--sample 0 checks nothing', { mend: 'give at least 1, or leave it out' });
  if (chosen !== undefined && chosen >= seedsEnd)
    throw new DefinitionError(`--seed ${chosen} is too large`, { mend: `give a number below ${seedsEnd}` });
  if (size !== undefined) return { size, seed: chosen ?? randomInt(seedsEnd) };
  if (chosen === undefined) return undefined;
  throw new DefinitionError('--seed is about a sample, and all keys are checked', { mend: 'add --sample <n>' });
}

/** Each phase has its own speed. */
function phases(): (progress: VerifyProgress) => string {
  let speed = rate(Date.now());
  let last = '';
  return ({ phase, done, of }) => {
    if (phase !== last) speed = rate(Date.now());
    last = phase;
    return done === 0 ? phase : `${phase}: ${speed(done, of, 'keys')}`;
  };
}

function print(results: readonly VerifyResult[], sample: VerifyOptions['sample']): void {
  if (results.length === 0) {
    console.log('No view feeds the online store.');
    return;
  }
  const count = (n: number): string => n.toLocaleString('en');
  const columns = ['same', 'different', 'missing', 'unexpected', 'stale', 'pending'] as const;
  const shown = results.some(({ expired }) => expired > 0) ? ([...columns, 'expired'] as const) : columns;
  printTable(
    results.map((result) => ({
      view: result.view,
      keys: count(result.keys),
      ...Object.fromEntries(shown.map((name) => [name, count(result[name])])),
      took: seconds(result.tookMs),
    })),
  );
  if (sample !== undefined)
    console.log(`A sample of ${plural(sample.size, 'key')} of each store; --seed ${sample.seed} takes the same ones.`);
  for (const result of results) printNotes(result);
  const wrong = results.filter(({ agrees }) => !agrees);
  if (wrong.length === 0) {
    console.log('What is online is what the lake says.');
    return;
  }
  for (const result of wrong) console.error(`asof: view ${result.view}: ${describeWrongs(result)}`);
  const names = wrong.map(({ view }) => view).join(',');
  const full = wrong.some(({ cursor }) => cursor !== undefined) ? ' --full' : '';
  console.error(`  → \`asof materialize${full} --views ${names}\` writes the online rows from the lake`);
}

function printNotes({
  view,
  keys,
  pending,
  pendingSince,
  reason,
  cursor,
  keysPerSecond,
  tookMs,
  examples,
}: VerifyResult): void {
  if (reason !== undefined) console.log(`${view}: ${reason}; there is no cursor to compare at.`);
  if (cursor !== undefined)
    console.log(`${view}: compared at snapshot ${cursor.snapshot}, event times up to ${cursor.end}.`);
  if (tookMs >= 1_000 && keys > 0) console.log(`${view}: ${plural(keysPerSecond, 'key')} a second.`);
  if (pending > 0) {
    const since = pendingSince === undefined ? '' : `, the oldest since ${pendingSince}`;
    console.log(`${view}: ${plural(pending, 'key')} with something newer in the lake that is not online yet${since}.`);
  }
  if (examples.length === 0) return;
  printTable(
    examples.map(({ is, key, fields, expected, found }) => ({
      ...key,
      what: is,
      differs: fields.join(', '),
      'expected at': expected,
      'online at': found?.at,
      committed: found?.committed,
      reflects: found?.reflects,
    })),
  );
}
