import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { tableName } from '../../src/definitions/feature-table.js';
import { openFeatureStore } from '../../src/index.js';
import { builtAsof } from './build.js';

const checkout = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

export interface CliResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What was printed on stdout, as the one JSON object it must be. */
  json<T = Record<string, unknown>>(): T;
}

export interface CliOptions {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Sees the child while it runs. */
  readonly onStart?: (child: ChildProcess) => void;
}

/** What would lead a command to other engines or another server than the test means; a test gives what it wants itself. */
const notInherited = [
  ...['UV_THREADPOOL_SIZE', 'NODE_OPTIONS', 'TEMPORAL_ADDRESS', 'ASOF_CATALOG_URL', 'ASOF_SHARED_PATH'],
  ...['ASOF_REDIS_URL', 'ASOF_KAFKA_BROKERS', 'ASOF_SOURCE_URL'],
];

/** Starts the real command line tool as a process of its own, as a shell would: no terminal, nothing on stdin. */
function spawnCli(args: readonly string[], { cwd, env = {} }: Pick<CliOptions, 'cwd' | 'env'>) {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !notInherited.includes(name)));
  return spawn(process.execPath, [builtAsof(), ...args], {
    cwd,
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** A command that runs until it is stopped, e.g. `asof up --json`, once it has printed its JSON object. */
export interface ServingCli {
  readonly child: ChildProcess;
  readonly said: Record<string, unknown>;
  /** Ctrl-C. @returns the exit code. */
  stop(): Promise<number | null>;
}

/** @throws Error with what it printed when it ends before it serves. */
export function serveCli(args: readonly string[], options: Pick<CliOptions, 'cwd' | 'env'>): Promise<ServingCli> {
  const child = spawnCli(args, options);
  const ended = once(child, 'exit');
  const stop = async (): Promise<number | null> => {
    child.kill('SIGINT');
    await ended;
    return child.exitCode;
  };
  let stdout = '';
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      // The object ends with the first brace that is not indented.
      if (/^\}/m.test(stdout)) resolve({ child, said: JSON.parse(stdout) as Record<string, unknown>, stop });
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`asof ${args.join(' ')} ended with ${code}: ${stdout}${stderr}`)));
  });
}

/** What `source .asof/services/env` would set. */
export function sourced(root: string): Record<string, string> {
  const text = readFileSync(path.join(root, '.asof/services/env'), 'utf8');
  return Object.fromEntries([...text.matchAll(/^export (\w+)='(.*)'$/gm)].map(([, name, value]) => [name, value]));
}

/** Runs the real command line tool to its end. */
export function runCli(args: readonly string[], { cwd, env = {}, onStart }: CliOptions): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const child = spawnCli(args, { cwd, env });
    onStart?.(child);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const json = <T>(): T => {
        try {
          return JSON.parse(stdout) as T;
        } catch {
          throw new Error(`asof ${args.join(' ')} printed no JSON object:\n${stdout}\n${stderr}`);
        }
      };
      resolve({ code, signal, stdout, stderr, json });
    });
  });
}

export interface SampleProject {
  readonly root: string;
  /** Runs asof in the project. */
  asof(...args: string[]): Promise<CliResult>;
  /** The same, for commands that must work: fails with what was printed otherwise. */
  ok(...args: string[]): Promise<CliResult>;
  /** Replaces text in a file of the project. */
  edit(file: string, from: string | RegExp, to: string): void;
  /** Writes a file of the project. @returns its path. */
  write(file: string, content: string | Uint8Array): string;
  close(): void;
}

/** A project of its own with the sample's definitions and data, in a temporary folder that `close` removes. */
export function sampleProject(folder = mkdtempSync(path.join(os.tmpdir(), 'asof-cli-'))): SampleProject {
  const root = realpathSync(folder);
  for (const part of ['feature_repo', 'data'])
    cpSync(path.join(checkout, part), path.join(root, part), { recursive: true });
  writeFileSync(path.join(root, 'package.json'), '{ "name": "sample", "private": true }\n');
  const asof = (...args: string[]): Promise<CliResult> => runCli(args, { cwd: root });
  return {
    root,
    asof,
    ok: async (...args) => {
      const result = await asof(...args);
      if (result.code !== 0) throw new Error(`asof ${args.join(' ')} ended with ${result.code}:\n${result.stderr}`);
      return result;
    },
    edit: (file, from, to) => {
      const full = path.join(root, file);
      const text = readFileSync(full, 'utf8');
      const edited = text.replace(from, to);
      if (edited === text) throw new Error(`${file} has no ${String(from)}`);
      writeFileSync(full, edited);
    },
    write: (file, content) => {
      writeFileSync(path.join(root, file), content);
      return path.join(root, file);
    },
    close: () => rmSync(root, { recursive: true, force: true }),
  };
}

const drivers = [1001, 1002, 1003, 1004, 1005].map((driver_id) => ({ driver_id }));

/** All that bad input must leave as it was: the lake's snapshot, what is applied, rows of every view, online values. */
export async function stateOf(root: string, repo = 'feature_repo') {
  const store = await openFeatureStore(path.join(root, repo));
  try {
    const { version, views } = await store.registry.state();
    const rows: Record<string, number> = {};
    const online: Record<string, unknown> = {};
    for (const [name, { table }] of views) {
      const found = await store.lake.one<{ n: bigint }>(
        `SELECT count(*) AS n FROM ${store.lake.table(tableName(table))}`,
      );
      rows[name] = Number(found?.n);
      online[name] = await store.getOnlineFeatures([`${name}:*`], drivers);
    }
    return { snapshot: await store.lake.currentSnapshot(), version, rows, online };
  } finally {
    await store.close();
  }
}

/** How an error must look: what and where, then the mend on a line of its own; never a stack trace, nothing on stdout. */
export function expectRefused({ code, stdout, stderr }: CliResult, exitCode: number, ...patterns: RegExp[]): void {
  expect(stderr).toMatch(/^asof: .+\n {2}→ .+/);
  for (const pattern of patterns) expect(stderr).toMatch(pattern);
  expect(stderr).not.toMatch(/^\s+at .+:\d+/m);
  expect({ code, stdout }).toEqual({ code: exitCode, stdout: '' });
}
