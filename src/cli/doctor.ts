import type { Command } from 'commander';
import { describeError } from '../errors.js';
import type { Check } from '../toolchain/index.js';
import { action, describeCommand, type GlobalOptions } from './command.js';
import { exitCodes } from './exit-code.js';
import { printJson } from './output.js';
import { ensureExtensions, ensureTemporal } from './tools.js';

export function registerDoctor(program: Command): void {
  describeCommand(
    program
      .command('doctor')
      .option('--install', 'first fetch the Temporal CLI and the DuckDB extensions if missing', false),
    'asof doctor --install',
  ).action(action(doctor));
}

async function doctor(options: GlobalOptions, { install }: { install: boolean }): Promise<number> {
  if (install) await installTools(options);
  const { diagnose } = await import('../toolchain/index.js');
  const definitions = await definitionsCheck(options.repo);
  const { checks, ok } = await diagnose({ repoDir: options.repo, stateDir: definitions.stateDir });
  const all = [...checks, ...definitions.checks];
  const works = ok && definitions.checks.every((check) => check.ok);
  if (options.json) printJson({ ok: works, checks: all });
  else print(all, works);
  return works ? exitCodes.ok : exitCodes.unexpected;
}

/** What can't be fetched is said here, with every way that was tried; the checks then say the rest. */
async function installTools(options: GlobalOptions): Promise<void> {
  const wanted =
    process.env['TEMPORAL_ADDRESS'] === undefined ? [ensureExtensions, ensureTemporal] : [ensureExtensions];
  for (const ensure of wanted) {
    try {
      await ensure(options);
    } catch (error) {
      console.error(`asof: ${describeError(error)}`);
    }
  }
}

/** Whether the definitions load, and the engines they choose answer. A folder that isn't there is told by another check. */
async function definitionsCheck(repo: string): Promise<{ checks: Check[]; stateDir?: string }> {
  const { loadFeatureRepo, resolveProject } = await import('../feature-repo/index.js');
  let stateDir: string;
  try {
    ({ stateDir } = resolveProject(repo));
  } catch {
    return { checks: [] };
  }
  const base = { name: 'definitions', required: true, where: repo };
  try {
    const loaded = await loadFeatureRepo(repo, { asof: await import('../index.js') });
    const { config, views, pipelines } = loaded;
    const found = `project "${config.project}": ${views.size} feature views, ${pipelines.size} pipelines`;
    const { engineChecks } = await import('./engine-checks.js');
    return { checks: [{ ...base, ok: true, found }, ...(await engineChecks(loaded))], stateDir };
  } catch (error) {
    const { message, mend } = error as { message: string; mend?: string };
    return { checks: [{ ...base, ok: false, found: message, mend }], stateDir };
  }
}

function print(checks: readonly Check[], works: boolean): void {
  for (const { ok, required, name, version, found, where, mend } of checks) {
    const sign = ok ? '✓' : required ? '✗' : '!';
    const place = where === undefined || where === '' ? '' : ` (${where})`;
    console.log(`${sign} ${name}${version === undefined ? '' : ` ${version}`}: ${found}${place}`);
    if (!ok && mend !== undefined) console.log(`    → ${mend}`);
  }
  console.log(works ? 'All that asof needs is here.' : 'asof can not run yet: mend what is marked ✗.');
}
