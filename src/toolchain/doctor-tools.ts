import { duckdbVersion, limits } from '../config.js';
import { probeExtension } from '../lake/extension-probe.js';
import type { Check } from './doctor-check.js';
import { duckdbExtensions } from './duckdb-extensions.js';
import { pythonCommand, workingPip } from './pip.js';
import { findOnPath } from './run-program.js';
import { findTemporalCli } from './temporal-cli.js';
import { probeServer } from './temporal-probe.js';

const install = '`asof doctor --install` fetches it';

/** @param version of the running Node.js, e.g. `v20.20.2`. */
export function nodeCheck(version = process.version): Check {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  const ok = major > 20 || (major === 20 && minor >= 3);
  const supported = [20, 22, 24].includes(major);
  return {
    name: 'Node.js',
    ok,
    required: true,
    found: ok && !supported ? 'no long-term release: 20, 22 and 24 are supported' : ok ? 'supported' : 'too old',
    version,
    where: process.execPath,
    mend: ok ? undefined : 'install Node.js 20.3 or newer: 20, 22 or 24',
  };
}

/** The server the environment names, else the program for an embedded one. */
export async function temporalCheck(env: NodeJS.ProcessEnv): Promise<Check> {
  if (env['TEMPORAL_ADDRESS'] || env['TEMPORAL_PROFILE']) return givenServerCheck(env);

  const base = { name: 'Temporal CLI', required: true };
  try {
    const cli = await findTemporalCli(env);
    if (cli !== undefined) {
      return { ...base, ok: true, found: `from ${cli.from}`, version: cli.version, where: cli.path };
    }
  } catch (error) {
    return { ...base, ok: false, found: (error as Error).message, mend: (error as { mend?: string }).mend };
  }
  const required = findOnPath('go', env) === undefined && (await workingPip(env)) === undefined;
  const mend = required
    ? 'put `temporal` on PATH, set ASOF_TEMPORAL_CLI or TEMPORAL_ADDRESS, or install Go or Python 3 with pip to build it'
    : `${install}; so does the first start`;
  return { ...base, required, ok: false, found: 'missing', mend };
}

async function givenServerCheck(env: NodeJS.ProcessEnv): Promise<Check> {
  const server = await probeServer(env);
  return {
    name: 'Temporal server',
    ok: server.problem === undefined,
    required: true,
    found: server.problem ?? 'answers',
    version: server.version,
    where: server.address,
    mend:
      server.problem === undefined
        ? undefined
        : 'check TEMPORAL_ADDRESS, TEMPORAL_PROFILE and the server; without them asof starts an embedded one',
  };
}

export async function extensionChecks(env: NodeJS.ProcessEnv): Promise<Check[]> {
  return Promise.all(
    duckdbExtensions.map(async (name): Promise<Check> => {
      const base = { name: `DuckDB extension ${name}`, required: true };
      const probe = await probeExtension(name, env);
      if (probe.loadable) return { ...base, ok: true, found: 'loads', version: probe.version, where: probe.path };
      // A file that is there but does not load is never replaced by itself.
      if (probe.path !== undefined) {
        const mend = `delete ${probe.path}, then ${install}`;
        return { ...base, ok: false, found: probe.error ?? 'does not load', where: probe.path, mend };
      }
      const required = (await workingPip(env)) === undefined;
      return { ...base, required, ok: false, found: `not here for DuckDB ${duckdbVersion}`, mend: install };
    }),
  );
}

/** Statements of DuckDB occupy threads of the pool that also serves files, DNS and the online store. */
export function threadsCheck(env: NodeJS.ProcessEnv): Check {
  const given = env['UV_THREADPOOL_SIZE'];
  const size = given === undefined ? 4 : Number(given);
  const wanted = limits.duckdbStatementsAtOnce + 4;
  const ok = size >= wanted;
  return {
    name: 'UV_THREADPOOL_SIZE',
    ok,
    required: false,
    found: given === undefined ? 'not set: 4 threads' : `${given} threads`,
    mend: ok ? undefined : `start by the command \`asof\`, which sets it, or set it to ${wanted} or more`,
  };
}

/** What could fetch or build missing tools; none of it is needed when they are here. */
export async function wayChecks(env: NodeJS.ProcessEnv): Promise<Check[]> {
  const go = findOnPath('go', env);
  const python = pythonCommand(env);
  const pip = await workingPip(env);
  return [
    way('Go', go, 'builds the Temporal CLI', 'install Go 1.25 or newer, or Python 3 with pip, which brings one'),
    way('Python', python, 'unpacks wheels', 'install Python 3'),
    way('pip', pip, 'brings DuckDB extensions and Go', 'install pip for Python 3'),
  ];
}

function way(name: string, where: string | undefined, purpose: string, mend: string): Check {
  const base = { name, required: false, ok: where !== undefined };
  if (where !== undefined) return { ...base, found: purpose, where };
  return {
    ...base,
    found: `not on PATH; ${purpose} where something is missing`,
    mend: `${mend}, if anything is missing`,
  };
}
