import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ReplayRequest, replay } from '../../../src/stream-source/index.js';
import { type TempLake, withTempLake } from '../../support/lake.js';

const sample = path.resolve(import.meta.dirname, '../../../data/driver_stats_stream.parquet');
const week = 7 * 86_400_000;
let temp: TempLake;
beforeAll(async () => {
  temp = await withTempLake();
  mkdirSync(path.join(temp.stateDir, 'files'));
});
afterAll(() => temp.close());

interface Sent {
  key: string | null;
  event: { datetime: string; created: string; driver_id: number; conv_rate: number };
}

async function run(options: Partial<ReplayRequest> = {}) {
  const sent: Sent[] = [];
  const producer = {
    send: async (events: readonly { key: string | null; value: string }[]) => {
      for (const { key, value } of events) sent.push({ key, event: JSON.parse(value) as Sent['event'] });
    },
    close: async () => {},
  };
  const request = { file: sample, producer, keyColumn: 'driver_id', timestampColumn: 'datetime', rate: 0, ...options };
  return { result: await replay(temp.lake, request), sent };
}

test('the sample: all rows by event time, as JSON that loses nothing', async () => {
  const { result, sent } = await run();
  expect(result).toEqual({ sent: 1807 });
  expect(sent[0]).toEqual({
    key: '1001',
    event: {
      datetime: '2022-04-11T07:00:00.000000Z',
      driver_id: 1001,
      conv_rate: 0.5211490392684937,
      acc_rate: 0.75165855884552,
      created: '2023-03-13T15:21:25.842000Z',
      __index_level_0__: 1806,
    },
  });
  const times = sent.map(({ event }) => event.datetime);
  expect(times).toEqual([...times].sort());
  expect(times.at(-1)).toBe('2023-03-13T14:00:00.000000Z');
});

test('endless rounds go on by whole weeks, created times with them; a limit ends them', async () => {
  const { result, sent } = await run({ loop: true, limit: 1807 * 2 + 5 });
  expect(result.sent).toBe(1807 * 2 + 5);
  const at = (n: number) => Date.parse(sent[n]?.event.datetime ?? '');
  const made = (n: number) => Date.parse(sent[n]?.event.created ?? '');
  const shift = at(1807) - at(0);
  expect(shift % week).toBe(0);
  expect(at(1807)).toBeGreaterThan(at(1806));
  expect(at(1807) - at(1806)).toBeLessThanOrEqual(week);
  expect(at(1807 * 2) - at(1807)).toBe(shift);
  expect(made(1807) - made(0)).toBe(shift);
  expect(sent[1807]?.event.conv_rate).toBe(sent[0]?.event.conv_rate);
});

test('times can be moved to start or to end at a moment', async () => {
  const moment = new Date('2030-01-01T00:00:00Z');
  const started = await run({ startAt: moment, limit: 1 });
  expect(started.sent[0]?.event.datetime).toBe('2030-01-01T00:00:00.000000Z');
  const ended = await run({ endAt: moment });
  expect(ended.sent.at(-1)?.event.datetime).toBe('2030-01-01T00:00:00.000000Z');
  await expect(run({ startAt: moment, endAt: moment })).rejects.toMatchObject({ name: 'DefinitionError' });
});

test('a rate is kept: events come in several sends, in order', async () => {
  const seen: number[] = [];
  const { sent } = await run({ rate: 200, limit: 41, onProgress: (progress) => seen.push(progress.sent) });
  expect(sent).toHaveLength(41);
  expect(seen.at(-1)).toBe(41);
  expect(seen.length).toBeGreaterThan(1);
});

test('aborting ends it', async () => {
  const stop = new AbortController();
  const running = run({
    rate: 1_000,
    loop: true,
    signal: stop.signal,
    onProgress: () => stop.abort(new Error('stop')),
  });
  await expect(running).rejects.toThrow('stop');
});

describe('what can not be replayed', () => {
  const made = async (sql: string) => {
    const file = path.join(temp.stateDir, 'files', 'made.parquet');
    await temp.lake.withSession((s) => s.run(`COPY (${sql}) TO '${file}' (FORMAT parquet)`));
    return file;
  };
  test.each([
    ['no file', { file: '/nowhere/at/all.parquet' }, /there is no such file/],
    ['no key', { keyColumn: 'driver' }, /no column "driver" for the key/],
    ['no time', { timestampColumn: 'driver_id' }, /no timestamp column "driver_id"/],
  ])('%s', async (_, options, message) => {
    await expect(run(options)).rejects.toMatchObject({ name: 'DataError', message: expect.stringMatching(message) });
  });
  test('no rows, no Parquet, no rate', async () => {
    const empty = await made("SELECT 1 AS driver_id, TIMESTAMP '2021-01-01' AS datetime WHERE false");
    await expect(run({ file: empty })).rejects.toThrow(/has no events/);
    const text = path.join(temp.stateDir, 'files', 'text.parquet');
    writeFileSync(text, 'not parquet, but long enough to look at');
    await expect(run({ file: text })).rejects.toMatchObject({ name: 'DataError' });
    await expect(run({ rate: Number.NaN })).rejects.toMatchObject({ name: 'DefinitionError' });
  });
});
