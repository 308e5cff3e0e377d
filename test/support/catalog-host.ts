/**
 * A host of its own, with a state folder of its own, on a project whose lake others share: `<feature_repo>` on its command line,
 * then commands by messages, each answered by `{ result }` or `{ error }`.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { tableColumns } from '../../src/definitions/feature-table.js';
import { describeError, openFeatureStore } from '../../src/index.js';
import { Session } from '../../src/lake/index.js';
import { DuckLakeOfflineStore } from '../../src/offline-store/ducklake-offline-store.js';

const store = await openFeatureStore(process.argv[2]);
const target = { view: 'stats', pipeline: 'load' };

/** Transactions begun and committed, to tell whether any was tried again. */
const counted = { begun: 0, committed: 0 };
const run = Session.prototype.run;
Session.prototype.run = async function (this: Session, sql, ...rest) {
  if (sql === 'BEGIN TRANSACTION') counted.begun += 1;
  const changed = await run.call(this, sql, ...rest);
  if (sql === 'COMMIT') counted.committed += 1;
  return changed;
};

const commands = {
  apply: async () => (await store.apply()).version,
  openRun: async (runId: string) => {
    const pipeline = store.repo.pipelines.get(target.pipeline);
    if (pipeline === undefined) throw new Error('no such pipeline');
    const interval = { start: '1970-01-01T00:00:00Z', end: '2100-01-01T00:00:00Z' };
    const request = { pipeline, runId, workflowId: 'w', nominalTime: interval.end, interval, registryVersion: 1 };
    await store.runs.open(request, async () => false);
  },
  ingest: (runId: string) => store.steps.ingest({ ...target, runId }),
  clean: (runId: string) => store.steps.clean({ ...target, runId }),
  explore: (runId: string) => store.steps.exploreAndValidate({ ...target, runId }),
  publish: (runId: string) => store.steps.publish({ ...target, runId }),
  materialize: async () => {
    const [done] = await store.materialize({ views: ['stats'] });
    return done?.written;
  },
  online: (user: number) => store.getOnlineFeatures(['stats:a', 'stats:b'], [{ user_id: user }]),
  /** Publishes rows of its own, a push each, all hosts into one view. */
  pushes: async (me: number, count: number) => {
    for (let push = 0; push < count; push += 1) {
      const file = path.join(store.repo.projectRoot, `push-${push}.ndjson`);
      const at = new Date(Date.UTC(2024, 0, 1, me, push)).toISOString();
      const rows = Array.from({ length: 10 }, (_, i) => ({
        user_id: 1_000 * (me + 1) + i,
        at,
        made: at,
        a: push,
        b: `${me}`,
      }));
      writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
      await store.steps.push('stats', file, `${me}-${push}`);
    }
    return counted;
  },
  /** Appends batches of its own partition, all hosts into one view of one topic. */
  appends: async (me: number, count: number) => {
    const offline = new DuckLakeOfflineStore(store.lake);
    const { table } = await store.view('scores');
    const of = { table, topic: 'scores' };
    const ranges = [{ partition: me, start: 0, end: 1_000_000 }];
    const [claim] = await offline.claimPartitions({ ...of, topicId: 'topic-1', ranges });
    if (claim === undefined) throw new Error('nothing was claimed');
    let { nextOffset } = claim;
    for (let batch = 0; batch < count; batch += 1) {
      const rows = Array.from({ length: 20 }, (_, i) => nextOffset + i);
      const us = (offset: number): bigint => BigInt(Date.UTC(2024, 0, 1) + offset) * 1_000n;
      const value: Record<string, (offset: number) => unknown> = {
        user_id: (offset) => offset,
        event_timestamp: us,
        created_timestamp: () => null,
        a: (offset) => offset,
        b: () => `${me}`,
        _ingest_time: us,
        _ingest_position: (offset) => offset,
        _topic: () => 'scores',
        _partition: () => me,
        _offset: (offset) => offset,
      };
      const columns = Object.keys(tableColumns(table)).map((name) =>
        rows.map((offset) => value[name]?.(offset) ?? null),
      );
      const counts = { read: rows.length, written: rows.length, deadLetters: 0, dropped: 0, late: 0 };
      const progress = [{ claim: { ...claim, nextOffset }, nextOffset: nextOffset + rows.length, counts }];
      await offline.appendStreamBatch({ ...of, progress, columns, deadLetters: [] });
      nextOffset += rows.length;
    }
    return counted;
  },
  close: async () => {
    await store.close();
    setImmediate(() => process.exit(0));
  },
};

export type HostCommands = typeof commands;

process.on('message', ({ command, args }: { command: keyof HostCommands; args: never[] }) => {
  const work = commands[command] as (...args: never[]) => Promise<unknown>;
  work(...args).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: describeError(error) }),
  );
});
process.send?.({ result: 'ready' });
