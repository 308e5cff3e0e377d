import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hashPii } from '../../src/index.js';
import { canary, holders, kept, marker, number, personal, row, traces } from '../support/personal-data.js';
import { TestStore } from '../support/store.js';
import { TestStream } from '../support/stream.js';

describe('personal data, wherever it goes', () => {
  let t: TestStore;
  /** All that was said: errors with their causes, results. */
  let said: string[];
  const say = (value: unknown): void => {
    said.push(JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v)));
  };
  const refused = async (work: Promise<unknown>, reason: RegExp): Promise<void> => {
    let error: unknown = await work.then(
      () => undefined,
      (caught: unknown) => caught,
    );
    expect(String(error)).toMatch(reason);
    for (; error instanceof Error; error = error.cause) say([error.name, error.message, error.stack, { ...error }]);
  };
  beforeEach(async () => {
    process.env['ASOF_PII_KEY'] = 'a key of the tests, long enough';
    said = [];
    t = await TestStore.open(personal);
  });
  afterEach(async () => {
    await t.close();
    delete process.env['ASOF_PII_KEY'];
  });

  async function run(view: string): Promise<void> {
    const target = { runId: randomUUID(), view, pipeline: 'load' };
    const pipeline = t.store.repo.pipelines.get('load');
    if (pipeline === undefined) throw new Error('no pipeline');
    const opened = { pipeline, runId: target.runId, workflowId: target.runId, nominalTime: new Date().toISOString() };
    await t.store.runs.open({ ...opened, registryVersion: 1 }, async () => false);
    try {
      say(await t.store.steps.ingest(target));
      say(await t.store.steps.clean(target));
      say(await t.store.steps.exploreAndValidate(target));
      say(await t.store.steps.publish(target));
    } finally {
      say(await t.store.steps.validationResults(target.runId));
    }
  }

  it('is in no table, file, report, record, result or error', async () => {
    // Good rows, one set aside, expectations about hashed columns that fail.
    const good = Array.from({ length: 20 }, (_, n) => row(20 + n, { a: n % 10 }));
    t.writeData('stats.ndjson', [...good, row(2, { phone: `${canary}-20` }), row(3, { a: 77 })]);
    await run('stats');
    // An expectation that ends the run.
    t.writeData('stats.ndjson', [row(4), row(5, { b: null })]);
    await refused(run('stats'), /notNull\(b\)/);
    // Values under a rule that can't be treated, and files that can't be read.
    t.writeData('stats.ndjson', [row(6, { phone: [canary] })]);
    await refused(run('stats'), /column "phone" is .*can't be hashed/);
    writeFileSync(path.join(t.root, 'data', 'stats.ndjson'), `{"phone": "${canary}", "ssn": ${number}`);
    await refused(run('stats'), /line 1: the line is not valid JSON/);
    t.writeData('stats.ndjson', [row(7, { at: 'soon' })]);
    await refused(run('stats'), /column "at"/);
    // The history of the stream view, and a transform that shows what it sees.
    t.writeData('scores.ndjson', [row(1), row(2)]);
    await run('scores');
    t.writeData('scores.ndjson', [row(8, { a: 99 })]);
    await refused(run('scores'), /row 1: the transform failed: Error: no good/);
    // Pushes: files and rows, good ones and bad ones.
    const push = (view: string, rows: object[]) =>
      t.store.steps.push(
        view,
        rows.map((each) => JSON.stringify(each)),
        randomUUID(),
      );
    say(await push('stats', [row(9)]));
    say(await push('scores', [row(9)]));
    say(await t.store.steps.push('stats', t.writeData('pushed.ndjson', [row(10)]), randomUUID()));
    await refused(push('stats', [row(9, { a: 77 })]), /rows break the view's expectations/);
    await refused(push('stats', [row(9, { ssn: { x: canary } })]), /is an object, which can't be hashed/);
    await refused(push('stats', [row(9, { ssn: 1e21 + number })]), /is a number that is not exact/);
    await refused(push('scores', [row(9, { a: 99 })]), /the transform failed/);
    // A stream: good events, dead letters of every kind.
    const stream = new TestStream(t);
    await stream.send(row(100), row(101, { name: null }), row(102));
    await stream.send(row(103, { ssn: canary }), row(104, { user_id: number + 0.5 }), row(105, { phone: null }));
    await stream.send(row(106, { a: 99 }), row(1), row(107, { b: { deep: canary } }), row(108, { more: canary, b: 7 }));
    await stream.send(`{"phone": "${canary}", ${number}`, `"${canary}"`, `[${number}]`);
    stream.append(Buffer.from(`{"phone": "${canary}\xff"}\n`, 'latin1'));
    const consumed = await stream.consume();
    expect(consumed).toMatchObject({ read: 14, written: 3, deadLetters: 11, late: 1 });
    say(consumed);
    const letters = await t.store.steps.deadLetters('scores', 100);
    say(letters);
    expect(letters.filter(({ payload }) => payload === null)).toHaveLength(4);
    expect(letters.every(({ payload, reason }) => payload !== null || /bytes are not kept/.test(reason))).toBe(true);
    say(await t.store.materialize());
    say(await t.store.quarantine.list({}));
    say(await t.store.registry.describe('source', 'stats_file'));

    const found = await kept(t);
    found.set('what was said', said.join('\n'));
    for (const trace of traces) expect(holders(found, trace), trace).toEqual([]);
    // The search itself finds what is there: in files, in tables, in reports, online.
    const marked = holders(found, marker);
    for (const place of [
      /report\.html/,
      /"quarantine"/,
      /"dead_letters"/,
      /"validation_results"/,
      /online.*mdb/,
      /what was said/,
    ])
      expect(marked.join('\n'), String(place)).toMatch(place);
  });

  it('joins, whether it came by a file, a push or a stream, and is found by its hash', async () => {
    t.writeData('scores.ndjson', [row(1)]);
    await run('scores');
    const stream = new TestStream(t);
    await stream.send(row(2, { user_id: number + 1 }));
    await stream.consume();
    await t.store.steps.push('scores', [JSON.stringify(row(3, { user_id: number + 1 }))], 'p');
    const user_id = hashPii(number + 1);
    const rows = await t.store.lake.all<{ user_id: string; b: string }>(
      `SELECT DISTINCT user_id FROM ${t.store.lake.table('scores')}`,
    );
    expect(rows).toEqual([{ user_id }]);
    const [online] = await t.store.getOnlineFeatures(['scores:*'], [{ user_id }]);
    expect(online).toMatchObject({ phone: hashPii(`${canary}-3`), ssn: hashPii(number * 10 + 3), name: '***', a: 3 });
    // Key and headers of a message are withheld: nothing says what is in them.
    expect(online?.['b']).toBe(`${marker}undefined`);
  });

  it('another key is refused before anything is read, by files, pushes and streams', async () => {
    t.writeData('scores.ndjson', [row(1)]);
    await run('scores');
    process.env['ASOF_PII_KEY'] = 'another key of the tests, long enough';
    await refused(run('scores'), /ASOF_PII_KEY is not the key that this project has hashed with since/);
    await refused(t.store.steps.push('scores', [JSON.stringify(row(2))], 'p'), /is not the key/);
    const stream = new TestStream(t);
    await stream.send(row(2));
    await refused(stream.consume(), /kafkaSource "scores": ASOF_PII_KEY is not the key/);
    delete process.env['ASOF_PII_KEY'];
    await refused(stream.consume(), /ASOF_PII_KEY is not set/);
    process.env['ASOF_PII_KEY'] = 'short';
    await refused(stream.consume(), /shorter than 16 bytes/);
    expect(said.join()).not.toMatch(/another key of the tests/);
  });

  it('a changed rule is a change of the plan, which says what stays', async () => {
    const text = readFileSync(path.join(t.repo, 'definitions.ts'), 'utf8');
    writeFileSync(path.join(t.repo, 'definitions.ts'), text.replaceAll("name: 'mask'", "name: 'hash'"));
    const other = await t.another();
    try {
      const changes = (await other.plan()).changes.filter(({ kind }) => kind === 'source');
      expect(changes.map(({ name }) => name).sort()).toEqual(['scores', 'scores_file', 'stats_file']);
      for (const { fields, notes } of changes) {
        expect(fields).toEqual([{ path: 'pii.name', from: 'mask', to: 'hash' }]);
        expect(notes.join()).toMatch(/what was ingested before stays/);
      }
    } finally {
      await other.close();
    }
  });
});
