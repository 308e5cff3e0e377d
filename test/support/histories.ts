import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { expect } from 'vitest';
import { workflowBundle } from '../../src/temporal/workflow-bundle.js';
import { findTemporalCli } from '../../src/toolchain/index.js';
import { bundleCache } from './build.js';

/** Where stack traces say they are from. */
const checkout = `${realpathSync(fileURLToPath(new URL('../../', import.meta.url)))}/`;
const folder = fileURLToPath(new URL('../workflows/histories/', import.meta.url));

/**
 * Keeps one history of each kind of run and each way it ended, for later versions of the workflows to be replayed against.
 * @param what tells these runs from others of their kind, e.g. `three-consumers`.
 * @param only those of this workflow.
 */
export async function recordHistories(client: Client, address: string, what?: string, only?: string): Promise<void> {
  const cli = await findTemporalCli();
  if (cli === undefined) throw new Error('the Temporal CLI is missing');
  mkdirSync(folder, { recursive: true });
  const kept = new Set<string>();
  for await (const { workflowId, runId, type, status } of client.workflow.list()) {
    const name = [type, what, status.name.toLowerCase()].filter((part) => part !== undefined).join('-');
    if ((only !== undefined && type !== only) || kept.has(name) || ['TERMINATED', 'RUNNING'].includes(status.name))
      continue;
    const show = ['workflow', 'show', '--address', address, '-w', workflowId, '-r', runId, '-o', 'json'];
    const history = execFileSync(cli.path, show, { encoding: 'utf8' });
    // Who served a run is nobody's business.
    const text = history.replace(/"(identity|name)":\s*"\d+@[^"]*"/g, '"$1": "worker"').replaceAll(checkout, '');
    // Some failures name folders of the machine they happened on.
    if (text.includes(os.tmpdir())) continue;
    kept.add(name);
    writeFileSync(`${folder}${name}.json`, text);
  }
}

/**
 * Replays every run the server has: each must come to the same from its history.
 * @param projectRoot of the project whose worker served them.
 * @returns their workflow ids.
 */
export async function replayHistories(client: Client, projectRoot: string): Promise<string[]> {
  const bundle = await workflowBundle(projectRoot, bundleCache());
  const histories = client.workflow.list().intoHistories();
  const replayed: string[] = [];
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle: bundle }, histories)) {
    expect(error, workflowId).toBeUndefined();
    replayed.push(workflowId);
  }
  return replayed;
}

export interface RecordedHistory {
  readonly name: string;
  readonly history: unknown;
  /** Children are named after it. */
  readonly workflowId: string;
}

export const recordedHistories = (): RecordedHistory[] =>
  readdirSync(folder).map((file) => {
    const history = JSON.parse(readFileSync(`${folder}${file}`, 'utf8')) as {
      events: { workflowExecutionStartedEventAttributes?: { workflowId?: string } }[];
    };
    const name = file.replace(/\.json$/, '');
    return {
      name,
      history,
      workflowId: history.events[0]?.workflowExecutionStartedEventAttributes?.workflowId ?? name,
    };
  });
