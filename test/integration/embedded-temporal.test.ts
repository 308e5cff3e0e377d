import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type EmbeddedTemporal,
  findTemporalCli,
  readEmbeddedTemporal,
  startOrJoinEmbeddedTemporal,
  stopEmbeddedTemporal,
} from '../../src/toolchain/index.js';

let cliPath: string;
let stateDir: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  cliPath = (await findTemporalCli())?.path ?? '';
});
beforeEach(() => {
  stateDir = path.join(realpathSync(mkdtempSync(path.join(os.tmpdir(), 'asof-embedded-'))), 'a state folder');
});
afterEach(async () => {
  await stopEmbeddedTemporal(stateDir);
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(path.dirname(stateDir), { recursive: true, force: true });
});

const start = (more: { port?: number; cliPath?: string } = {}) =>
  startOrJoinEmbeddedTemporal({ stateDir, project: 'test', cliPath, ...more });

describe('the embedded Temporal server', () => {
  test('is ready for asof: Web UI, 30 days of history, search attributes usable at once', async () => {
    const server = await start();
    expect(server).toMatchObject({ started: true, namespace: 'default' });
    expect((await fetch(server.uiUrl)).status).toBe(200);
    expect(JSON.parse(readFileSync(path.join(stateDir, 'temporal.json'), 'utf8'))).toEqual(without(server, 'started'));

    await withClient(server, async (client) => {
      const { config } = await client.connection.workflowService.describeNamespace({ namespace: 'default' });
      expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(30 * 24 * 3600);

      const { customAttributes } = await client.connection.operatorService.listSearchAttributes({
        namespace: 'default',
      });
      const [keyword, keywordList] = [2, 7];
      expect(customAttributes).toMatchObject({
        AsofPipeline: keyword,
        AsofInterval: keyword,
        AsofQuality: keyword,
        AsofViews: keywordList,
        AsofTags: keywordList,
      });

      await startWorkflow(client, 'first');
      const found: string[] = [];
      while (found.length === 0) {
        const query = `AsofPipeline = 'etl' AND AsofViews = 'driver_stats'`;
        for await (const run of client.workflow.list({ query })) found.push(run.workflowId);
      }
      expect(found).toEqual(['first']);
    });
  });

  test('is joined by other processes, never started twice on one folder', async () => {
    // Another name of the same folder must lead to the same server.
    const detour = path.join(stateDir, '..', 'a state folder', '.');
    const starters = [stateDir, detour, stateDir].map((folder) => startInProcess(folder));
    const servers = await Promise.all(starters.map((starter) => starter.server));
    expect(new Set(servers.map(({ pid, address }) => `${pid} ${address}`)).size).toBe(1);
    expect(servers.filter(({ started }) => started)).toHaveLength(1);

    // All of them have ended by now: the server outlives who started it.
    const joined = await start();
    expect(joined).toEqual({ ...servers[0], startedAt: joined.startedAt, started: false });
  });

  test("outlives Ctrl-C in its starter's terminal", async () => {
    const starter = startInProcess(stateDir, { stay: true });
    const { pid } = await starter.server;
    // What a terminal does: the signal goes to the whole process group.
    process.kill(-(starter.child.pid ?? Number.NaN), 'SIGINT');
    await once(starter.child, 'exit');
    expect(await start()).toMatchObject({ pid, started: false });
  });

  test('keeps its state over stop and start, and over a kill', async () => {
    const first = await start();
    await withClient(first, (client) => startWorkflow(client, 'kept'));
    expect(await stopEmbeddedTemporal(stateDir)).toBe(true);
    expect(isAlive(first.pid)).toBe(false);
    expect(existsSync(path.join(stateDir, 'temporal.json'))).toBe(false);
    expect(await readEmbeddedTemporal(stateDir)).toBeUndefined();
    expect(await stopEmbeddedTemporal(stateDir)).toBe(false);

    const second = await start();
    expect(second.started).toBe(true);
    expect([second.address, second.uiUrl]).toEqual([first.address, first.uiUrl]);
    process.kill(second.pid, 'SIGKILL');
    while (isAlive(second.pid)) await sleep(10);
    expect(existsSync(path.join(stateDir, 'temporal.json'))).toBe(true);
    expect(await readEmbeddedTemporal(stateDir)).toBeUndefined();

    const third = await start();
    expect(third.started).toBe(true);
    expect(third.pid).not.toBe(second.pid);
    await withClient(third, async (client) => {
      expect((await client.workflow.getHandle('kept').describe()).status.name).toBe('RUNNING');
    });
  });

  test('is found although its starter was killed before it could write down that it runs', async () => {
    const server = await start();
    const record = path.join(stateDir, 'temporal.json');
    for (const damage of [() => rmSync(record), () => writeFileSync(record, '{"pid":')]) {
      damage();
      const joined = await start();
      expect(joined).toMatchObject({ pid: server.pid, address: server.address, uiUrl: server.uiUrl, started: false });
      expect(JSON.parse(readFileSync(record, 'utf8'))).toMatchObject({ pid: server.pid });
    }
  });

  test('takes other ports when the preferred ones are in use', async () => {
    const [port, holder] = await listen();
    try {
      const server = await start({ port });
      expect(server.address).not.toBe(`127.0.0.1:${port}`);
      expect((await fetch(server.uiUrl)).status).toBe(200);
    } finally {
      holder.close();
    }
  });

  test('tries again when a port is taken between choosing and starting', async () => {
    const clash = script(`
      if [ ! -e "${path.dirname(stateDir)}/clashed" ]; then
        : > "${path.dirname(stateDir)}/clashed"
        echo "Error: can't set frontend port 1: listen tcp 127.0.0.1:1: bind: address already in use"; exit 1
      fi
      exec "${cliPath}" "$@"`);
    expect(await start({ cliPath: clash })).toMatchObject({ started: true });
    expect(existsSync(path.join(path.dirname(stateDir), 'clashed'))).toBe(true);
  });
});

describe('an embedded Temporal server that does not start or stop', () => {
  test('shows the end of its log, and leaves no record', async () => {
    const broken = script('echo "line one"; echo "unable to open the database" >&2; exit 3');
    await expect(start({ cliPath: broken })).rejects.toMatchObject({
      name: 'StoreUnavailableError',
      message: expect.stringMatching(
        /server\.log: .*did not start: it ended with code 3\nline one\nunable to open the database$/,
      ),
      mend: expect.stringContaining('asof doctor'),
    });
    expect(existsSync(path.join(stateDir, 'temporal.json'))).toBe(false);
  });

  test('its log holds only what the failing start said', async () => {
    await expect(start({ cliPath: script('echo "first failure"; exit 1') })).rejects.toThrow('first failure');
    await expect(start({ cliPath: script('echo "second failure"; exit 1') })).rejects.not.toThrow('first failure');
  });

  test('a damaged database is an error with what the server says, and stays as it is', async () => {
    mkdirSync(path.join(stateDir, 'temporal'), { recursive: true });
    const database = path.join(stateDir, 'temporal', 'temporal.sqlite');
    writeFileSync(database, 'this is no database, but long enough to be read as one'.repeat(100));
    await expect(start()).rejects.toThrow(/did not start: it ended with code 1\n.*not a database/s);
    expect(readFileSync(database, 'utf8')).toMatch(/^this is no database/);
  });

  test('a program that is not there is named', async () => {
    await expect(start({ cliPath: path.join(stateDir, 'nowhere') })).rejects.toThrow(
      /did not start: spawn .*nowhere ENOENT/,
    );
  });

  test('a state folder that can not be made is named', async () => {
    writeFileSync(stateDir, 'a file is in the way');
    await expect(start()).rejects.toMatchObject({
      name: 'StoreUnavailableError',
      message: expect.stringContaining("the state folder can't be used"),
    });
    rmSync(stateDir);
  });

  test('one that ignores the request to end is killed', async () => {
    mkdirSync(path.join(stateDir, 'temporal'), { recursive: true });
    const database = path.join(stateDir, 'temporal', 'temporal.sqlite');
    const deaf = script(`trap '' TERM; : > "${path.dirname(stateDir)}/deaf"; while :; do sleep 0.1; done`);
    const options = ['--db-filename', database, '--port', '1', '--ui-port', '2'];
    const child = spawn(deaf, ['server', 'start-dev', ...options], { stdio: 'ignore' });
    children.push(child);
    while (!existsSync(path.join(path.dirname(stateDir), 'deaf'))) await sleep(10);
    const ended = once(child, 'exit');
    expect(await stopEmbeddedTemporal(stateDir)).toBe(true);
    expect(await ended).toEqual([null, 'SIGKILL']);
  });

  test('a process that got the id of an ended server is left alone', async () => {
    mkdirSync(stateDir, { recursive: true });
    const bystander = spawn('sleep', ['600'], { stdio: 'ignore' });
    children.push(bystander);
    const record = { pid: bystander.pid, address: '127.0.0.1:1', uiUrl: 'http://127.0.0.1:2', namespace: 'default' };
    writeFileSync(path.join(stateDir, 'temporal.json'), JSON.stringify(record));
    expect(await readEmbeddedTemporal(stateDir)).toBeUndefined();
    expect(await stopEmbeddedTemporal(stateDir)).toBe(false);
    expect(isAlive(bystander.pid ?? Number.NaN)).toBe(true);
  });
});

async function withClient<T>(server: EmbeddedTemporal, work: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address: server.address });
  try {
    return await work(new Client({ connection, namespace: server.namespace }));
  } finally {
    await connection.close();
  }
}

/** A workflow that waits for a worker that never comes. */
async function startWorkflow(client: Client, workflowId: string): Promise<void> {
  const typedSearchAttributes = [
    { key: defineSearchAttributeKey('AsofPipeline', SearchAttributeType.KEYWORD), value: 'etl' },
    { key: defineSearchAttributeKey('AsofViews', SearchAttributeType.KEYWORD_LIST), value: ['driver_stats', 'other'] },
  ];
  await client.workflow.start('etl', { workflowId, taskQueue: 'nobody', typedSearchAttributes });
}

/** Starts or joins in a process, and process group, of its own, which then ends unless it is told to stay. */
function startInProcess(
  folder: string,
  { stay = false } = {},
): { child: ChildProcess; server: Promise<EmbeddedTemporal & { started: boolean }> } {
  const source = fileURLToPath(new URL('../../src/toolchain/embedded-temporal.ts', import.meta.url));
  const options = JSON.stringify({ stateDir: folder, project: 'test', cliPath });
  const code = `import { startOrJoinEmbeddedTemporal } from ${JSON.stringify(source)};
    console.log(JSON.stringify(await startOrJoinEmbeddedTemporal(${options})));
    ${stay ? 'setInterval(() => undefined, 1000);' : ''}`;
  const args = ['--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', code];
  const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const said = once(child.stdout as Readable, 'data').then(([line]) => JSON.parse(String(line)));
  const server = stay ? said : once(child, 'exit').then(() => said);
  return { child, server };
}

function script(text: string): string {
  const file = path.join(path.dirname(stateDir), `program-${Math.random().toString(36).slice(2)}`);
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
  return file;
}

async function listen(): Promise<[port: number, server: Server]> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return [typeof address === 'object' && address !== null ? address.port : 0, server];
}

/** Whether the process runs; one that only waits for its parent to ask for it does not. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !existsSync(`/proc/${pid}/cmdline`) || readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== '';
  } catch {
    return false;
  }
}

function without<T extends object, K extends keyof T>(value: T, key: K): Omit<T, K> {
  const { [key]: _, ...rest } = value;
  return rest;
}
