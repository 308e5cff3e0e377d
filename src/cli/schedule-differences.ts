import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { FeatureStore } from '../index.js';
import { type DeployStep, planDeploy } from '../temporal/index.js';
import { plural } from './output.js';

/** Nobody waits longer for what is only a hint. */
const patienceMs = 5_000;

/** How many pipelines the server does not run as they are defined; `undefined` = that can't be told now. */
export async function schedulesThatDiffer(store: FeatureStore, client: Client): Promise<number | undefined> {
  const settled = new AbortController();
  try {
    const planned = planDeploy({ client, store, force: false });
    const late = sleep(patienceMs, undefined, { signal: settled.signal, ref: false });
    const steps = await Promise.race([planned, late]);
    return steps && new Set(steps.filter(differs).map(({ pipeline }) => pipeline)).size;
  } catch {
    return undefined;
  } finally {
    settled.abort();
  }
}

const differs = ({ action, fields, left }: DeployStep): boolean =>
  left || (action === 'change' ? fields.length > 0 : action !== 'none');

/** Nothing when all is as defined. */
export function differenceLines(count = 0): string[] {
  if (count === 0) return [];
  return [
    `${plural(count, 'schedule')} ${count === 1 ? 'differs' : 'differ'} from the definitions: run \`asof deploy\``,
  ];
}
