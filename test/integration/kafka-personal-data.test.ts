import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashPii, type OpenLineageEvent } from '../../src/index.js';
import { kafkaClient } from '../../src/stream-source/kafka-connection.js';
import { type StartedRun, startPipeline } from '../../src/temporal/index.js';
import { lineageReporterId } from '../../workflows/lib/lineage-reporter.js';
import { type CliProcess, startCliProcess } from '../support/cli-process.js';
import { openLineageFaults } from '../support/open-lineage.js';
import { textIn } from '../support/payload-walk.js';
import { canary, holders, kept, marker, number, personal, row, traces } from '../support/personal-data.js';
import { type SecureKafka, startSecureKafka } from '../support/secure-kafka.js';
import { lacks } from '../support/services.js';
import { TestStore } from '../support/store.js';
import { TestStream } from '../support/stream.js';
import { startTemporal, type TestTemporal } from '../support/temporal.js';

const lineageFile = '.asof/openlineage.ndjson';
const settings = `
  lineage: { openLineage: { file: '${lineageFile}' } },
  streamSource: { type: 'kafka', brokers: env('ASOF_TEST_KAFKA_GUARDED'),
    sasl: { mechanism: 'plain', username: env('ASOF_TEST_KAFKA_USER'), password: env('ASOF_TEST_KAFKA_PASSWORD') } },`;
const pipelines = `import { manual, pipeline } from 'asof';
export const consume = pipeline({ name: 'consume', workflow: 'streamToStores', args: { view: 'scores', untilEnd: true },
  schedule: manual() });
`;

/** By a worker of its own, on a broker that asks for a password, with lineage in a file. */
describe.skipIf(lacks('kafka'))('personal data of a topic, wherever it goes', () => {
  let cluster: SecureKafka;
  let temporal: TestTemporal;
  let worker: CliProcess;
  let t: TestStore;
  let run: StartedRun;

  beforeAll(async () => {
    [cluster, temporal] = await Promise.all([startSecureKafka(), startTemporal()]);
    process.env['ASOF_PII_KEY'] = 'a key of the tests, long enough';
    const environment = {
      // Producers of the test need no password.
      ASOF_TEST_KAFKA: cluster.plaintext,
      ASOF_TEST_KAFKA_GUARDED: cluster.saslPlaintext,
      ASOF_TEST_KAFKA_USER: cluster.user.username,
      ASOF_TEST_KAFKA_PASSWORD: cluster.user.password,
    };
    t = await TestStore.open(personal, { name: 'guarded Kafka', settings, environment });
    writeFileSync(path.join(t.repo, 'pipelines.ts'), pipelines);
    await t.reopen();
    worker = await startCliProcess(['worker'], { cwd: t.root, env: { TEMPORAL_ADDRESS: temporal.address } });
    await produce();
    const pipeline = t.store.repo.pipelines.get('consume');
    if (pipeline === undefined) throw new Error('no pipeline');
    run = await startPipeline(temporal.client, { project: t.project, pipeline });
    await run.handle.result();
    // Its events are sent beside it.
    for (const reporter of reporters()) await temporal.client.workflow.getHandle(reporter).result();
  });
  afterAll(async () => {
    await worker?.stop();
    await t?.close();
    await temporal?.close();
    await cluster?.close();
    delete process.env['ASOF_PII_KEY'];
  });

  const reporters = (): string[] =>
    (['START', 'COMPLETE'] as const).map((type) => lineageReporterId(run.workflowId, type, run.runId));

  /** Good events, a late one, and such as can't be read or used; keys and headers are personal as well. */
  async function produce(): Promise<void> {
    const stream = new TestStream(t);
    await stream.send(row(100), row(101, { name: null }), row(102));
    await stream.send(row(103, { ssn: canary }), row(104, { user_id: number + 0.5 }), row(105, { phone: null }));
    await stream.send(row(106, { a: 99 }), row(1), row(107, { b: { deep: canary } }), row(108, { more: canary, b: 7 }));
    await stream.send(`{"phone": "${canary}", ${number}`, `"${canary}"`, `[${number}]`);
    const producer = kafkaClient({ brokers: [cluster.plaintext] }).producer();
    await producer.connect();
    const headers = { phone: canary };
    await producer.send({
      topic: t.topic,
      messages: [
        { key: canary, value: JSON.stringify(row(109)), headers },
        { key: canary, value: Buffer.from(`{"phone": "${canary}\xff"}`, 'latin1'), headers },
        { key: canary, value: null, headers },
      ],
    });
    await producer.disconnect();
  }

  const events = (): OpenLineageEvent[] =>
    readFileSync(path.join(t.root, lineageFile), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as OpenLineageEvent);

  it('is treated: hashed, masked, dropped; late events and those that are unusable are set aside', async () => {
    expect((await t.store.runs.find(run.runId))?.steps).toMatchObject([{ rowsIn: 16, rowsOut: 4 }]);
    const letters = await t.store.steps.deadLetters('scores', 100);
    expect(letters).toHaveLength(12);
    expect(letters.map(({ reason }) => reason).join('\n')).toMatch(/late|watermark/);
    expect(letters.filter(({ payload }) => payload === null)).toHaveLength(5);
    const [online] = await t.store.getOnlineFeatures(['scores:*'], [{ user_id: hashPii(number + 102) }]);
    expect(online).toMatchObject({ phone: hashPii(`${canary}-102`), name: '***', b: `${marker}undefined` });
  });

  it('is in no file, table, dead letter, online row, history, log or event of lineage', async () => {
    const found = await kept(t);
    found.set('what the worker said', worker.stderr());
    const workflows = [run.workflowId, ...reporters()];
    for await (const { workflowId } of temporal.client.workflow.list()) workflows.push(workflowId);
    for (const workflowId of new Set(workflows)) {
      const handle = temporal.client.workflow.getHandle(workflowId);
      found.set(`history of ${workflowId}`, textIn(await handle.fetchHistory()));
      found.set(`description of ${workflowId}`, textIn((await handle.describe()).raw));
    }
    for (const trace of traces) expect(holders(found, trace), trace).toEqual([]);
    for (const secret of [cluster.user.password, process.env['ASOF_PII_KEY'] as string])
      expect(holders(found, secret)).toEqual([]);
    // The search itself finds what is there.
    const marked = holders(found, marker).join('\n');
    for (const place of [/"dead_letters"/, /online.*mdb/, /table .*"scores/]) expect(marked).toMatch(place);
    const named = holders(found, run.runId).join('\n');
    for (const place of [/history of /, /openlineage\.ndjson/, /table .*"run_events"/]) expect(named).toMatch(place);
    expect(holders(found, 'run completed').join('\n')).toMatch(/logs\//);
  });

  it('is of a topic that events of lineage name as OpenLineage does, without who reads it', () => {
    const own = events().filter(({ run: { runId } }) => runId === run.runId);
    expect(own.map(({ eventType }) => eventType)).toEqual(['START', 'COMPLETE']);
    expect(own.flatMap(openLineageFaults)).toEqual([]);
    for (const event of own) {
      expect(event.inputs).toMatchObject([
        {
          namespace: `kafka://${cluster.saslPlaintext}`,
          name: t.topic,
          facets: { dataSource: { uri: `kafka://${cluster.saslPlaintext}` } },
        },
      ]);
      const text = JSON.stringify(event);
      for (const secret of Object.values(cluster.user)) expect(text).not.toContain(secret);
      const { fields = {} } = (event.outputs[0]?.facets['columnLineage'] ?? {}) as {
        fields?: Record<string, { inputFields: { field: string; namespace: string }[] }>;
      };
      // A transform made it: of all fields but the one that is dropped.
      const from = ['user_id', 'at', 'made', 'phone', 'ssn', 'name', 'a', 'b'];
      expect(fields['phone']?.inputFields.map(({ field }) => field)).toEqual(from);
      expect(new Set(fields['phone']?.inputFields.map(({ namespace }) => namespace))).toEqual(
        new Set([`kafka://${cluster.saslPlaintext}`]),
      );
    }
    expect(own[1]?.outputs[0]?.outputFacets).toMatchObject({ outputStatistics: { rowCount: 4 } });
  });
});
