import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { limits } from '../config.js';
import { StoreUnavailableError } from '../errors.js';
import { firstLine } from './first-line.js';
import { SandboxError } from './sandbox-error.js';
import type { StatementOptions } from './session.js';
import { id, lit } from './sql.js';

/** What the stranger's SQL sees as the table `rows`: a Parquet file, or columns without any row. */
export type SandboxRows =
  | { readonly file: string; readonly columns: readonly { readonly name: string }[] }
  | { readonly columns: readonly { readonly name: string; readonly type: string }[] };

/** The number of a row in the file, from 0 on; column names of views don't start with an underscore. */
export const sandboxRowNumber = '_row';

/** A DuckDB that can be asked, and can do nothing else. */
export interface Sandbox {
  /**
   * The rows of a small result, values as JSON; whole numbers of 64 bits as strings.
   * @throws SandboxError with what DuckDB says, or that time or memory ran out.
   */
  all<T = Record<string, unknown>>(sql: string): Promise<T[]>;
}

const script = fileURLToPath(new URL('./sandbox-process.mjs', import.meta.url));

/**
 * A DuckDB in memory in a process of its own, which sees the table `rows` and nothing else: no lake, no other file, no network, no
 * extension, no environment, and no setting can be changed. Its time and memory are limited (`limits.customSql…`); a process that
 * goes beyond is killed, whatever it is busy with.
 * @throws StoreUnavailableError when the process can't be started.
 */
export async function withSandbox<T>(
  rows: SandboxRows,
  { signal }: StatementOptions,
  work: (sandbox: Sandbox) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const process = new SandboxProcess(signal);
  try {
    await process.ask({
      memoryBytesMax: limits.customSqlMemoryBytesMax,
      lookEveryMs: limits.customSqlMemoryLookMs,
      settings: {
        memory_limit: `${Math.floor(limits.customSqlMemoryBytesMax / 2)}B`,
        threads: '1',
        autoinstall_known_extensions: 'false',
        autoload_known_extensions: 'false',
        allow_community_extensions: 'false',
        temp_directory: '',
      },
    });
    for (const sql of [tableOf(rows), ...locks(rows)]) await process.all(sql);
    return await work(process);
  } finally {
    process.end();
  }
}

function tableOf(rows: SandboxRows): string {
  if (!('file' in rows)) {
    const columns = rows.columns.map(({ name, type }) => `${id(name)} ${type}`);
    return `CREATE TABLE rows (${[...columns, `${sandboxRowNumber} BIGINT`].join(', ')})`;
  }
  const names = [...rows.columns.map(({ name }) => id(name)), `file_row_number AS ${sandboxRowNumber}`];
  return `CREATE VIEW rows AS SELECT ${names.join(', ')} FROM read_parquet(${lit(rows.file)})`;
}

const locks = (rows: SandboxRows): string[] => [
  "SET GLOBAL TimeZone = 'UTC'",
  `SET allowed_paths = [${'file' in rows ? lit(rows.file) : ''}]`,
  'SET enable_external_access = false',
  'SET lock_configuration = true',
];

class SandboxProcess implements Sandbox {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #signal: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #abort = (): void => this.#kill(this.#signal?.reason);
  #waiting: { resolve(rows: unknown[]): void; reject(error: unknown): void } | undefined;
  #over: unknown;

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
    signal?.addEventListener('abort', this.#abort, { once: true });
    this.#child = spawn(process.execPath, [script], { env: {}, stdio: 'pipe' });
    const { customSqlMaxMs } = limits;
    const late = new SandboxError('time', `it was still at work after ${customSqlMaxMs / 1_000} seconds`);
    this.#timer = setTimeout(() => this.#kill(late), customSqlMaxMs);
    let said = '';
    this.#child.stderr.on('data', (text: Buffer) => {
      said = `${said}${text.toString()}`.slice(-2_000);
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#hear(line));
    // A child that is gone no longer reads; its end says why.
    this.#child.stdin.on('error', () => undefined);
    this.#child.on('error', (error) => this.#kill(unavailable(firstLine(error), error)));
    this.#child.on('close', () => {
      if (!said.endsWith('memory')) return this.#kill(unavailable(said.trim() || 'it ended by itself'));
      const most = `${Math.round(limits.customSqlMemoryBytesMax / 1024 ** 2)} MB`;
      this.#kill(new SandboxError('memory', `it needs more memory than ${most}`));
    });
  }

  async all<T>(sql: string): Promise<T[]> {
    return (await this.ask({ sql })) as T[];
  }

  /** One question at a time. */
  ask(message: object): Promise<unknown[]> {
    if (this.#over !== undefined) return Promise.reject(this.#over);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#child.stdin.write(`${JSON.stringify(message)}\n`);
    });
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#over ??= new Error('the sandbox is closed');
    this.#child.kill('SIGKILL');
  }

  #hear(line: string): void {
    const { rows, error } = JSON.parse(line) as { rows?: unknown[]; error?: string };
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (rows !== undefined) waiting?.resolve(rows);
    else waiting?.reject(sandboxError(error ?? 'no answer'));
  }

  #kill(reason: unknown): void {
    this.#over ??= reason;
    this.#waiting?.reject(this.#over);
    this.#waiting = undefined;
    this.end();
  }
}

const sandboxError = (message: string): SandboxError =>
  message.startsWith('Out of Memory Error')
    ? new SandboxError('memory', `it needs more memory than it may have: ${firstLine(message)}`)
    : new SandboxError('sql', firstLine(message));

const unavailable = (what: string, cause?: unknown): StoreUnavailableError =>
  new StoreUnavailableError(`the process for custom SQL can't be used: ${firstLine(what)}`, {
    mend: 'look for free memory and processes on this machine; the step is tried again',
    cause,
  });
