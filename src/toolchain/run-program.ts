import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';

/** By their numbers; only root may run programs as somebody else. */
export interface OtherUser {
  readonly uid: number;
  readonly gid: number;
}

export interface ProgramOptions {
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly cwd?: string | undefined;
  /** Whom it runs as; default: this user. */
  readonly user?: OtherUser | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The program is killed after this long and the result says so. */
  readonly timeoutMs: number;
  /** Sees each line of stderr as it comes. */
  readonly onErrorLine?: ((line: string) => void) | undefined;
}

export interface ProgramResult {
  readonly ok: boolean;
  readonly stdout: string;
  /** Why it failed, in one or a few lines: the end of its error output, else how it ended. Empty when `ok`. */
  readonly problem: string;
}

const keptOutput = 16 * 1024;

/** Runs a program to its end. Never rejects for what the program does; rejects with the signal's reason when aborted. */
export async function runProgram(
  file: string,
  args: readonly string[],
  options: ProgramOptions,
): Promise<ProgramResult> {
  options.signal?.throwIfAborted();
  const result = await new Promise<ProgramResult>((resolve) => {
    const { env, cwd, user } = options;
    const child = spawn(file, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'], ...user });
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, options.timeoutMs);
    const abort = () => child.kill('SIGTERM');
    options.signal?.addEventListener('abort', abort, { once: true });
    const finish = (value: ProgramResult) => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', abort);
      resolve(value);
    };

    let stdout = '';
    let stderr = '';
    let line = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout = (stdout + text).slice(-keptOutput);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-keptOutput);
      const lines = (line + text).split('\n');
      line = lines.pop() ?? '';
      if (options.onErrorLine !== undefined) lines.forEach(options.onErrorLine);
    });
    child.on('error', (error) => finish({ ok: false, stdout, problem: error.message }));
    child.on('close', (code, killedBy) => {
      const how = timedOut
        ? `it did not end within ${options.timeoutMs / 1000} s`
        : killedBy === null
          ? `it ended with code ${code}`
          : `it was ended by ${killedBy}`;
      finish({ ok: code === 0, stdout, problem: code === 0 ? '' : `${how}${lastLines(stderr || stdout, 4, ': ')}` });
    });
  });
  options.signal?.throwIfAborted();
  return result;
}

/** The last lines that say something, joined, after `prefix`; empty when there are none. */
export function lastLines(text: string, count: number, prefix = ''): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.length === 0 ? '' : prefix + lines.slice(-count).join('\n');
}

/** `file` when it is a program this user may run. */
export function executable(file: string): string | undefined {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile() ? file : undefined;
  } catch {
    return undefined;
  }
}

/** The absolute path of a program on PATH. */
export function findOnPath(name: string, env: NodeJS.ProcessEnv): string | undefined {
  for (const directory of (env['PATH'] ?? '').split(path.delimiter)) {
    if (directory === '') continue;
    const found = executable(path.resolve(directory, programName(name)));
    if (found !== undefined) return found;
  }
  return undefined;
}

export function programName(name: string): string {
  return process.platform === 'win32' ? `${name}.exe` : name;
}
