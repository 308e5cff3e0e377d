import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installRuntime } from '../../src/temporal/index.js';
import { workflowBundle } from '../../src/temporal/workflow-bundle.js';
import { recordedHistories } from '../support/histories.js';

/**
 * Runs that began under an older version go on under this one. Histories are recorded anew, when a workflow is meant to break with
 * them, by ASOF_RECORD_HISTORIES=1 npx vitest run test/workflows/{pipelines,verify,notifications,open-lineage,backfill,backfill-many}.test.ts.
 */
describe('recorded histories', () => {
  let cache: string;
  beforeAll(() => {
    installRuntime();
    cache = mkdtempSync(path.join(os.tmpdir(), 'asof-bundle-'));
  });
  afterAll(() => rmSync(cache, { recursive: true, force: true }));

  it('are there for every workflow, completed and failed', () => {
    const names = recordedHistories().map(({ name }) => name);
    for (const workflow of [
      'backfill',
      'dbToOfflineStore',
      'materializeOfflineToOnline',
      'streamToStores',
      'verifyOnlineOffline',
      'deliverNotifications',
      'reportLineage',
    ]) {
      expect(names).toEqual(expect.arrayContaining([`${workflow}-completed`, `${workflow}-failed`]));
    }
  });

  it.each(recordedHistories())('$name replays', async ({ history, workflowId }) => {
    const bundle = await workflowBundle(cache, cache);
    await expect(Worker.runReplayHistory({ workflowBundle: bundle }, history, workflowId)).resolves.toBeUndefined();
  });
});
