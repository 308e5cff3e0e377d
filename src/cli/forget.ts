import type { Command } from 'commander';
import { DefinitionError } from '../errors.js';
import type { ForgetReport } from '../index.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { confirmed, requireAnswer } from './confirm.js';
import { exitCodes } from './exit-code.js';
import { interruptSignal } from './interrupt.js';
import { parseKey } from './key-option.js';
import { plural, printJson, printTable, seconds } from './output.js';
import { runTask } from './progress.js';

interface Given {
  readonly key?: readonly string[];
  readonly entity?: string;
  readonly reason?: string;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
  readonly yes?: boolean;
  readonly list?: boolean;
}

export function registerForget(program: Command): void {
  describeCommand(
    program
      .command('forget')
      .option(
        '--key <name=value>',
        'join keys of one entity, comma-separated if several; again for each further entity',
        (key: string, keys: readonly string[] = []) => [...keys, key],
      )
      .option('--entity <name>', 'which entity the join keys are of, where several have them')
      .option('--reason <text>', 'why; kept in the record, so it must not hold the key')
      .option('--dry-run', 'only say what would be removed')
      .option('--wait', 'begin when the runs at work have ended; default: refuse')
      .option('--yes', 'do not ask')
      .option('--list', 'what was forgotten, when and why'),
    'asof forget --key driver_id=1001 --dry-run\nasof forget --key driver_id=1001 --reason "request 17" --yes\nasof forget --list',
  ).action(action(forget));
}

async function forget(options: GlobalOptions, given: Given): Promise<number> {
  if (given.list === true) return list(options);
  const { dryRun = false, yes = false } = given;
  if (given.key === undefined)
    throw new DefinitionError('no key is given', { mend: 'add e.g. --key driver_id=1001, or --list' });
  const signal = interruptSignal();
  return withStore(options, async (store) => {
    const { declaredKeys, joinKeysOf, resolveKeys } = await import('../forget/resolve-keys.js');
    const { checkReason } = await import('../forget/reason.js');
    const declared = await declaredKeys(store.lake, store.repo);
    const keys = (given.key ?? []).map((text) => parseKey(text, joinKeysOf(declared)));
    if (!dryRun) {
      // What is mistyped is told first: who is sent away for an answer would come back with the same.
      const resolved = await resolveKeys(store.lake, declared, keys, { entity: given.entity, env: process.env });
      checkReason(given.reason, resolved.keys);
      const mend = 'look first with --dry-run, then add --yes';
      requireAnswer('forget removes data for good', { yes, json: options.json }, mend);
    }
    const run = (dry: boolean): Promise<ForgetReport> =>
      runTask(dry ? 'look for the entity' : 'forget the entity', options, (onProgress) =>
        store.forgetting.forget(keys, { ...pick(given), dryRun: dry, signal, onProgress }),
      );
    if (!dryRun && !yes) {
      print(await run(true));
      if (!(await confirmed(`Type yes to remove it from project "${store.project}" for good: `))) {
        console.log('Nothing was removed.');
        return exitCodes.ok;
      }
    }
    const report = await run(dryRun);
    if (options.json) printJson(report);
    else print(report);
    return report.left.length === 0 ? exitCodes.ok : exitCodes.data;
  });
}

const pick = ({ entity, reason, wait }: Given) => ({ entity, reason, wait });

async function list(options: GlobalOptions): Promise<number> {
  const found = await withStore(options, (store) => store.forgetting.list());
  if (options.json) printJson({ forgets: found });
  else if (found.length === 0) console.log('Nothing was forgotten.');
  else
    printTable(
      found.map(({ id, openedAt, state, joinKeys, reason }) => ({
        id: id.slice(0, 8),
        asked: openedAt.slice(0, 19).replace('T', ' '),
        state,
        'join keys': joinKeys.join(', '),
        reason: reason ?? '',
      })),
    );
  return exitCodes.ok;
}

function print(report: ForgetReport): void {
  const { dryRun, removed, trainingSets, otherProjects, yours, notes, proof, left, hashed, resumed } = report;
  if (resumed !== undefined) console.log(`Went on with the request of ${resumed}.`);
  if (hashed) console.log('A source hashes the join key: the value and its hash (by ASOF_PII_KEY) were looked for.');
  const rows = [
    ...Object.entries(removed.tables).map(([place, count]) => ({
      place: `table ${place}`,
      what: plural(count, 'row'),
    })),
    ...Object.entries(removed.records).map(([place, count]) => ({
      place: `records: ${place}`,
      what: plural(count, 'row'),
    })),
    { place: 'online store', what: plural(removed.online, 'row') },
    { place: 'embedded topics', what: plural(removed.events, 'event') },
    ...Object.entries(removed.files).map(([place, count]) => ({ place, what: plural(count ?? 0, 'file') })),
    { place: 'data files', what: plural(removed.dataFiles, 'file') },
    { place: 'snapshots', what: plural(removed.snapshots, 'snapshot') },
    { place: 'pins overridden', what: plural(removed.pins, 'pin') },
  ].filter(({ what }) => !/^0 /.test(what));
  if (rows.length === 0) console.log('Nothing of it was found.');
  else printTable(rows.map(({ place, what }) => ({ place, [dryRun ? 'would be removed' : 'removed']: what })));
  if (removed.snapshots > 0)
    console.log(
      `The lake ${dryRun ? 'would forget' : 'forgets'} how it was before: the next materialize of each view reads all keys, and no older snapshot can be read.`,
    );
  if (trainingSets.length > 0)
    console.log(`training sets that can't be made again${dryRun ? ' then' : ''}: ${trainingSets.join(', ')}`);
  if (otherProjects.length > 0)
    console.log(
      `the same ${dryRun ? 'would hold' : 'holds'} for other projects of the lake: ${otherProjects.join(', ')}; what they keep of the entity is forgotten in them`,
    );
  for (const source of yours.sources)
    console.log(`yours to do: source ${source} still holds it; the next run would bring it back as new data`);
  for (const file of yours.files) console.log(`yours to do: training set ${file} holds it; delete or mend the file`);
  for (const name of yours.definitions) console.log(`yours to do: the definition of ${name} names it`);
  for (const note of notes) console.log(`note: ${note}`);
  if (proof === undefined) return;
  const mb = (bytes: number): string =>
    bytes < 1024 * 1024 ? `${Math.ceil(bytes / 1024)} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
  console.log(
    `Read anew: ${plural(proof.dataFiles, 'data file')} (${mb(proof.dataBytes)}), ${plural(proof.runFiles, 'file')} of runs, ${plural(proof.topicFiles, 'topic file')}, ${mb(proof.catalogBytes)} of the catalog, ${mb(proof.onlineBytes)} of the online store.`,
  );
  if (left.length === 0) console.log(`Nothing of it is left. Took ${seconds(report.tookMs)}; record ${report.id}.`);
  for (const { place, what, mend } of left) console.error(`asof: left in ${place}: ${what}\n  → ${mend}`);
}
