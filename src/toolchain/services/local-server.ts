import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreUnavailableError } from '../../errors.js';
import { loopback } from '../free-port.js';
import { lastLines, type OtherUser } from '../run-program.js';
import { toolchain } from '../toolchain-limits.js';

export interface ServerSpec {
  /** For people, e.g. `Redis`. */
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** The user it runs as, where it refuses to run as this one. */
  readonly user?: OtherUser | undefined;
  /** What it prints goes here. */
  readonly log: string;
  readonly port: number;
  /** Resolves when it serves; rejects while it does not. Default: it accepts connections. */
  readonly probe?: (() => Promise<void>) | undefined;
  /** The signal it ends cleanly by. */
  readonly stopSignal?: NodeJS.Signals | undefined;
}

/** Servers of this process: none outlives it, however it ends (SIGKILL aside). */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A server process on this machine that can be stopped, killed and started again on the same port and data. */
export class LocalServer {
  readonly #spec: ServerSpec;
  #child: ChildProcess | undefined;

  constructor(spec: ServerSpec) {
    this.#spec = spec;
  }

  get port(): number {
    return this.#spec.port;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** @throws StoreUnavailableError with the end of its log when it does not serve in time. */
  async start(): Promise<void> {
    const { name, file, args, env, user, log } = this.#spec;
    if (this.#child !== undefined) return;
    mkdirSync(path.dirname(log), { recursive: true });
    const output = openSync(log, 'a');
    const child = spawn(file, args, { env: env ?? process.env, stdio: ['ignore', output, output], ...user });
    closeSync(output);
    running.add(child);
    this.#child = child;
    let ended: string | undefined;
    child.once('error', (error) => {
      ended = error.message;
    });
    child.once('exit', (code, signal) => {
      ended = signal === null ? `it ended with code ${code}` : `it was ended by ${signal}`;
      running.delete(child);
      if (this.#child === child) this.#child = undefined;
    });
    const deadline = Date.now() + toolchain.serverStartMaxMs;
    for (;;) {
      const problem = await this.#probe();
      if (problem === undefined && ended === undefined) return;
      if (ended === undefined && Date.now() < deadline) {
        await sleep(100);
        continue;
      }
      await this.kill();
      throw new StoreUnavailableError(
        `${name} did not start: ${ended ?? problem}${lastLines(readFileSync(log, 'utf8'), toolchain.logTailLines, '\n')}`,
        { where: log, mend: 'the end of its log says why; `asof doctor` checks what it needs' },
      );
    }
  }

  /** Asks it to end and waits until it has. */
  stop(): Promise<void> {
    return this.#end(this.#spec.stopSignal ?? 'SIGTERM');
  }

  /** Ends it at once, as a crash would. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** Lets it hang: connections stay, answers do not come. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    if (child.pid === undefined) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), toolchain.localServerStopMaxMs);
    await exited;
    clearTimeout(timer);
  }

  async #probe(): Promise<string | undefined> {
    try {
      await (this.#spec.probe ?? (() => accepts(this.#spec.port)))();
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }
}

function accepts(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: loopback });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
  });
}
