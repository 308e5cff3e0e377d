import { afterEach, describe, expect, it } from 'vitest';
import { type Definitions, newestInLake, TestStore } from '../support/store.js';
import { TestStream } from '../support/stream.js';

const minute = (n: number): string => new Date(Date.UTC(2024, 0, 1, 0, n)).toISOString();
const event = (user_id: number, n: number, a: number) => ({ user_id, at: minute(n), made: minute(n), a, b: `b${a}` });
const users = [1, 2, 3, 4, 5, 6];

describe('stream consumer, values', () => {
  let t: TestStore;
  let stream: TestStream;
  async function open(definitions: Definitions = {}): Promise<void> {
    t = await TestStore.open(definitions);
    stream = new TestStream(t);
  }
  afterEach(() => t.close());

  it('reads events of an older schema after a feature was added', async () => {
    await open();
    await stream.send(event(1, 0, 1));
    await stream.consume();
    const c = 'c: nullable(float64()), a: nullable(int32()), b: nullable(string())';
    await stream.send(event(1, 1, 2));
    // In front of the others: the table has it last.
    await t.define({ event: c, streamFeatures: 'c: float64(), a: int32(), b: string()' });
    await stream.send({ ...event(2, 2, 3), c: 0.5 });
    expect(await stream.consume()).toMatchObject({ read: 2, written: 2, deadLetters: 0 });
    expect(await t.online('scores', [1, 2])).toEqual([
      { at: minute(1), a: 2, b: 'b2', c: null },
      { at: minute(2), a: 3, b: 'b3', c: 0.5 },
    ]);
    await t.store.materialize({ views: ['scores'], mode: { type: 'full' } });
    const table = await t.table('scores');
    expect(await t.online('scores', users)).toEqual(await newestInLake(t, table, users, new Date()));
  });

  it('gives the same values for events and for rows of the batch source', async () => {
    await open({
      event: 'rate: float32(), n: int32(), note: nullable(string()), when: timestamp()',
      streamFeatures: 'percent: float32(), double: int64(), note: string(), when: timestamp(), parts: list(float32())',
      transform:
        '({ rate, n, note, when }: any) => ({ percent: rate * 100, double: n * 2, note: note?.trim() ?? null, when, parts: [rate, rate / 3] })',
    });
    const rows = users.map((user_id) => ({
      user_id,
      at: minute(user_id),
      made: user_id % 2 === 0 ? null : minute(user_id),
      rate: user_id / 7,
      n: user_id,
      note: user_id === 3 ? null : ` ${user_id} `,
      when: '2024-01-01T00:00:00.123456Z',
    }));
    await stream.send(...rows);
    await stream.consume();
    const columns = 'user_id, event_timestamp, created_timestamp, percent, double, note, "when", parts';
    const read = () => t.store.lake.all(`SELECT ${columns} FROM ${t.store.lake.table('scores')} ORDER BY user_id`);
    const streamed = await read();
    expect(streamed).toHaveLength(6);
    const online = await t.online('scores', users);
    // The very same rows: nothing is new, which says that all values are equal.
    expect(await t.store.steps.push('scores', t.writeData('again.ndjson', rows), 'again')).toMatchObject({
      published: 0,
      alreadyThere: 6,
    });
    await t.change('scores', 'DELETE FROM {}');
    await t.store.steps.push('scores', t.writeData('scores.ndjson', rows), 'batch');
    expect(await read()).toEqual(streamed);
    expect(await t.online('scores', users)).toEqual(online);
  });
});
