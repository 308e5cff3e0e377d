import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Client, Connection } from '@temporalio/client';
import { defineSearchAttributeKey, type SearchAttributeType } from '@temporalio/common';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { installRuntime } from '../../src/temporal/index.js';
import { findTemporalCli, searchAttributeTypes } from '../../src/toolchain/index.js';
import { builtProgram } from './build.js';

export interface TestTemporal {
  readonly client: Client;
  readonly address: string;
  close(): Promise<void>;
}

/**
 * A real Temporal server of this test's own, without files; `searchAttributes: false` as nobody prepared it.
 * @param historyMax events of a history after which the server suggests to continue as new; default: as usual.
 */
export async function startTemporal({
  searchAttributes = true,
  historyMax,
}: {
  searchAttributes?: boolean;
  historyMax?: number;
} = {}): Promise<TestTemporal> {
  const cli = await findTemporalCli();
  if (cli === undefined) throw new Error('the Temporal CLI is missing; the global set-up of the tests fetches it');
  installRuntime();
  const environment = await TestWorkflowEnvironment.createLocal({
    server: {
      executable: { type: 'existing-path', path: cli.path },
      searchAttributes: Object.entries(searchAttributes ? searchAttributeTypes : {}).map(([name, type]) =>
        defineSearchAttributeKey(name, type as SearchAttributeType),
      ),
      ...(historyMax === undefined
        ? {}
        : { extraArgs: ['--dynamic-config-value', `limit.historyCount.suggestContinueAsNew=${historyMax}`] }),
    },
  });
  const connection = await Connection.connect({ address: environment.address });
  return {
    client: new Client({ connection }),
    address: environment.address,
    close: async () => {
      await connection.close();
      await environment.teardown();
    },
  };
}

/** A worker process for a feature repository; resolves when it takes work. @param slots steps at once; default as usual. */
export async function spawnWorker(repo: string, address: string, slots?: number): Promise<ChildProcess> {
  const script = builtProgram('test/support/worker-process.ts');
  const child = spawn(process.execPath, [script, repo, address, ...(slots === undefined ? [] : [String(slots)])], {
    env: { ...process.env, UV_THREADPOOL_SIZE: '16' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data: Buffer) => (said += data.toString()));
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', () => said.includes('ready') && resolve());
    child.once('exit', (code, signal) => reject(new Error(`the worker ended (${code ?? signal}): ${said}`)));
  });
  return child;
}

/** Ends a worker at once, in the middle of whatever it does. */
export async function killWorker(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Lets a worker hand back what it has in flight. */
export async function stopWorker(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

/** Waits until an activity of the workflow is being worked on. @returns false when the workflow ended first. */
export async function untilStarted(
  client: Client,
  workflowId: string,
  activity: string,
  after?: number,
): Promise<boolean> {
  for (;;) {
    const { raw, status } = await client.workflow.getHandle(workflowId).describe();
    if (status.name !== 'RUNNING') return false;
    const started = raw.pendingActivities?.some(
      ({ activityType, state, attempt }) =>
        activityType?.name === activity && state === 2 && (attempt ?? 0) > (after ?? 0),
    );
    if (started === true) return true;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
