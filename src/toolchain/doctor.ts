import path from 'node:path';
import type { Check } from './doctor-check.js';
import { embeddedServerCheck, repositoryCheck, stateDiskCheck, stateFolderCheck } from './doctor-project.js';
import { extensionChecks, nodeCheck, temporalCheck, threadsCheck, wayChecks } from './doctor-tools.js';

export interface Diagnosis {
  readonly checks: readonly Check[];
  /** Whether everything required is ok. */
  readonly ok: boolean;
}

export interface DiagnoseOptions {
  /** The folder of definitions; not looked at when not given. */
  readonly repoDir?: string | undefined;
  /** Default: `.asof` in the current folder. */
  readonly stateDir?: string | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** Looks at everything asof needs on this machine. Installs and changes nothing. */
export async function diagnose(options: DiagnoseOptions = {}): Promise<Diagnosis> {
  const env = options.env ?? process.env;
  const stateDir = path.resolve(options.stateDir ?? '.asof');
  const groups = await Promise.all([
    nodeCheck(),
    temporalCheck(env),
    extensionChecks(env),
    threadsCheck(env),
    wayChecks(env),
    options.repoDir === undefined ? [] : repositoryCheck(options.repoDir),
    stateFolderCheck(stateDir),
    stateDiskCheck(stateDir),
    embeddedServerCheck(stateDir),
  ]);
  const checks = groups.flat();
  return { checks, ok: checks.every((check) => check.ok || !check.required) };
}
