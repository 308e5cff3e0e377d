import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { AsofError, StoreUnavailableError } from '../errors.js';
import {
  type EmbeddedFiles,
  type EmbeddedTemporal,
  logSince,
  removeRecord,
  serverOn,
  writeRecord,
} from './embedded-record.js';
import { endServer } from './embedded-stop.js';
import { eitherSignal } from './first-answer.js';
import { freePort, loopback } from './free-port.js';
import { type Report, reportRegularly } from './report.js';
import { lastLines } from './run-program.js';
import { toolchain } from './toolchain-limits.js';

export interface LaunchOptions {
  readonly project: string;
  readonly cliPath: string;
  readonly report?: Report | undefined;
  /** Preferred port of the gRPC service; another is taken when it is in use. Default: one that fits the state folder. */
  readonly port?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Starts the server and waits until workflows can be started on it. The caller holds the lock of these files. */
export async function launchServer(files: EmbeddedFiles, options: LaunchOptions): Promise<EmbeddedTemporal> {
  const quiet: Report = () => undefined;
  const message = () => `starting Temporal for project ${options.project}`;
  const stop = reportRegularly(options.report ?? quiet, toolchain.reportEveryMs, message);
  try {
    for (let attempt = 1; ; attempt++) {
      const server = await launchOnce(files, options, attempt);
      if (server !== 'port taken') return server;
      if (attempt < toolchain.serverStartAttempts) continue;
      throw notStarted(files, `its ports were taken by others ${attempt} times`, '');
    }
  } finally {
    stop();
  }
}

async function launchOnce(
  files: EmbeddedFiles,
  options: LaunchOptions,
  attempt: number,
): Promise<EmbeddedTemporal | 'port taken'> {
  // The same ports at each start keep links to the Web UI valid; the first clash gives them up.
  const preferred = attempt > 1 ? 0 : (options.port ?? usualPort(files));
  const port = await freePort(preferred);
  const uiPort = await freePort(preferred === 0 ? 0 : port + 1);

  const log = await openLog(files);
  const { size: logStart } = await log.stat();
  const child = spawn(options.cliPath, serverArguments(files, port, uiPort), {
    cwd: path.dirname(files.database),
    env: withoutTemporalSettings(process.env),
    // A group and session of its own: it outlives this process, and Ctrl-C in this terminal does not reach it.
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  });
  child.unref();
  const ended = whenEnded(child);
  await log.close();
  try {
    if (child.pid === undefined) throw new Error(await ended);
    const server = serverOn(child.pid, port, uiPort);
    // Before it is ready: whoever comes after a crash of this process must find it.
    await writeRecord(files, server);
    await untilReady(server, ended, options.signal);
    return server;
  } catch (error) {
    if (child.pid !== undefined) await endServer(files, child.pid);
    await removeRecord(files);
    if (error instanceof AsofError || options.signal?.aborted === true) throw error;
    const said = await logSince(files, logStart);
    if (/can't (set|use).* port|address already in use/.test(said)) return 'port taken';
    throw notStarted(files, (error as Error).message, said);
  }
}

/** Rejects as soon as the server ends: its port may then be another's, whom nobody must talk to. */
async function untilReady(server: EmbeddedTemporal, ended: Promise<string>, signal?: AbortSignal): Promise<void> {
  const gone = new AbortController();
  const stop = ended.then((how) => {
    gone.abort(new Error(how));
    throw gone.signal.reason;
  });
  // The Temporal client is loaded only here: finding a server that runs must not cost its loading time.
  const { prepareNamespace } = await import('./temporal-namespace.js');
  const deadlineMs = toolchain.serverStartMaxMs;
  await Promise.race([prepareNamespace({ ...server, deadlineMs, signal: eitherSignal(gone.signal, signal) }), stop]);
}

function serverArguments(files: EmbeddedFiles, port: number, uiPort: number): string[] {
  return [
    ...['server', 'start-dev', '--db-filename', files.database, '--ip', loopback],
    ...['--port', String(port), '--ui-port', String(uiPort), '--log-level', 'error'],
  ];
}

/** The user's TEMPORAL_* settings are for clients of another server. */
function withoutTemporalSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('TEMPORAL_')));
}

/** Between 20000 and 29998: below the ports that systems give to outgoing connections. */
function usualPort(files: EmbeddedFiles): number {
  return 20_000 + 2 * (createHash('sha256').update(files.database).digest().readUInt32BE() % 5_000);
}

async function openLog(files: EmbeddedFiles): Promise<FileHandle> {
  const log = await open(files.log, 'a');
  if ((await log.stat()).size > toolchain.logBytesMax) await log.truncate();
  return log;
}

function whenEnded(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) =>
      resolve(signal === null ? `it ended with code ${code}` : `it was ended by ${signal}`),
    );
  });
}

function notStarted(files: EmbeddedFiles, how: string, said: string): StoreUnavailableError {
  const tail = lastLines(said, toolchain.logTailLines, '\n');
  return new StoreUnavailableError(`the embedded Temporal server did not start: ${how}${tail}`, {
    where: files.log,
    mend: '`asof doctor` checks the program and the folder; or set TEMPORAL_ADDRESS to a server that runs already',
  });
}
