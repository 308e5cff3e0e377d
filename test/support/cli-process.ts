import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { builtAsof } from './build.js';

/** A command that goes on until it is told to stop, started with --json. */
export interface CliProcess {
  readonly child: ChildProcess;
  /** The object it printed when it was ready. */
  readonly ready: Readonly<Record<string, unknown>>;
  /** What it wrote on stderr so far. */
  stderr(): string;
  /** Ends it. @returns the exit code; null when a signal ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts such a command as a process of its own; resolves when it says that it is ready. */
export async function startCliProcess(
  args: readonly string[],
  { cwd, env }: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Promise<CliProcess> {
  const { UV_THREADPOOL_SIZE: _, NODE_OPTIONS: __, ...inherited } = process.env;
  const child = spawn(process.execPath, [builtAsof(), ...args, '--json'], {
    cwd,
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  const ready = await new Promise<Record<string, unknown>>((resolve, reject) => {
    child.stdout.on('data', (data: Buffer) => {
      stdout += data.toString();
      try {
        resolve(JSON.parse(stdout) as Record<string, unknown>);
      } catch {
        // More of the object is to come.
      }
    });
    child.once('exit', (code, signal) =>
      reject(new Error(`asof ${args.join(' ')} ended with ${code ?? signal}: ${stdout}${stderr}`)),
    );
  });
  return {
    child,
    ready,
    stderr: () => stderr,
    stop: async (signal = 'SIGTERM') => {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        child.kill(signal);
        await ended;
      }
      return child.exitCode;
    },
  };
}
