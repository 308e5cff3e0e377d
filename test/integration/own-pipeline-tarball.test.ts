import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installRuntime } from '../../src/temporal/index.js';
import { workflowBundle } from '../../src/temporal/workflow-bundle.js';

const checkout = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const page = readFileSync(path.join(checkout, 'docs/write-a-pipeline.md'), 'utf8');

/** The blocks of the page in their order: files by their names, commands, and what they print. */
const blocks = [...page.matchAll(/^```(\w+)(?: (\S+))?\n([\s\S]*?)^```$/gm)].map(([, kind, file, text = '']) => ({
  kind,
  file,
  text,
}));

/** The environment of a newcomer: nothing that leads to other engines or another server. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(ASOF_(?!CACHE|TEMPORAL_CLI|DUCKDB)|TEMPORAL_|UV_|NODE_OPTIONS|VITEST|npm_)/.test(name),
  ),
);

/** Without times, ids, widths and frames. */
const essence = (line: string): string =>
  line
    .replace(/\d{4}-\d\d-\d\dT00:00:00Z/g, 'DAY')
    .replace(/\d\d:\d\d:\d\d/g, 'TIME')
    .replace(/\d+\.\d\d s/g, 'TOOK')
    .replace(/\s+/g, ' ')
    .replace(/[┌├└┬┼┴┐┤┘─]+/g, '')
    .trim();

describe('a newcomer who follows docs/write-a-pipeline.md, with the packed release', () => {
  let folder: string;
  let root: string;
  let up: ChildProcess | undefined;
  let address = '';
  const said: { command: string; code: number; output: string }[] = [];

  const run = (command: string, args: readonly string[], cwd = root): string =>
    execFileSync(command, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 300_000 });

  async function startUp(): Promise<void> {
    up = spawn(process.execPath, ['node_modules/asof/bin/asof.js', 'up'], {
      cwd: root,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const serving = new Promise<void>((resolve, reject) => {
      const hear = (text: Buffer): void => {
        output += text.toString();
        if (output.includes('Ctrl-C stops')) resolve();
      };
      up?.stdout?.on('data', hear);
      up?.stderr?.on('data', hear);
      up?.once('exit', (code) => reject(new Error(`asof up ended with ${code}: ${output}`)));
    });
    await serving;
    address = /Temporal started at (\S+),/.exec(output)?.[1] ?? '';
  }

  /** As the page has it, but for what the tarball stands for and what runs until Ctrl-C. */
  async function follow(command: string, tarball: string): Promise<void> {
    if (command === 'npx asof up') return startUp();
    const real = command.replace(/^npm install asof$/, `npm install --prefer-offline --no-audit --no-fund ${tarball}`);
    const child = spawn('sh', ['-c', real], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    const [code] = (await once(child, 'close')) as [number];
    said.push({ command, code, output });
  }

  beforeAll(async () => {
    folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'asof-newcomer-')));
    root = path.join(folder, 'shop');
    mkdirSync(root);
    const packed = run('npm', ['pack', '--json', '--pack-destination', folder], checkout);
    const [{ filename }] = JSON.parse(packed.slice(packed.indexOf('[\n'))) as [{ filename: string }];
    for (const { kind, file, text } of blocks) {
      if (file !== undefined) {
        mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
        writeFileSync(path.join(root, file), text);
      }
      if (kind !== 'console') continue;
      for (const [, command = ''] of text.matchAll(/^\$ (.+)$/gm)) await follow(command, path.join(folder, filename));
    }
  }, 900_000);

  afterAll(async () => {
    if (up !== undefined && up.exitCode === null) {
      up.kill('SIGINT');
      await once(up, 'exit');
    }
    rmSync(folder, { recursive: true, force: true });
  });

  it('gets through it without an error but the one it shows', () => {
    const failed = said.filter(({ code }) => code !== 0).map(({ command, code }) => ({ command, code }));
    expect(failed, JSON.stringify(said, undefined, 1)).toEqual([
      { command: 'npx asof run daily_totals --param minAmount=-1', code: 2 },
    ]);
  });

  it('sees what the page says', () => {
    const expected = blocks
      .filter(({ kind }) => kind === 'text')
      .flatMap(({ text }) => text.split('\n').map(essence))
      .filter((line) => line !== '');
    const lines = said.flatMap(({ output }) => output.split('\n').map(essence));
    expect(expected.length).toBeGreaterThan(8);
    for (const line of expected) expect(lines).toContain(line);
  });

  it('has types that fit, for editors', () => {
    const compiler = path.join(checkout, 'node_modules/typescript/bin/tsc');
    const types = path.join(checkout, 'node_modules/@types');
    run(process.execPath, [compiler, '--project', root, '--typeRoots', types]);
  });

  it('has a workflow that comes to the same from its history', async () => {
    installRuntime();
    const connection = await Connection.connect({ address });
    const histories = new Client({ connection }).workflow
      .list({ query: "WorkflowType = 'dailyTotals'" })
      .intoHistories();
    const bundle = await workflowBundle(root, path.join(folder, 'cache'));
    let replayed = 0;
    for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle: bundle }, histories)) {
      expect(error, workflowId).toBeUndefined();
      replayed += 1;
    }
    await connection.close();
    expect(replayed).toBeGreaterThan(0);
  });
});
