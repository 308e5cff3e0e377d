import { fork } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { limits } from '../../../src/config.js';
import { describeError } from '../../../src/errors.js';
import { openFileStreamProducer, openFileStreamSource, type StreamSource } from '../../../src/stream-source/index.js';
import { builtProgram } from '../../support/build.js';

let directory: string;
const closing: { close(): Promise<void> }[] = [];
const file = (): string => path.join(directory, 'drivers', '0.ndjson');
const none = { rowsMax: 1_000, bytesMax: 8 << 20, waitMs: 0 };

beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'asof-file-stream-'));
});
afterEach(async () => {
  for (const thing of closing.splice(0)) await thing.close();
  rmSync(directory, { recursive: true, force: true });
});

async function open(): Promise<StreamSource> {
  const source = await openFileStreamSource({ directory, topic: 'drivers' });
  closing.push(source);
  return source;
}
async function produce(...values: string[]): Promise<void> {
  const producer = await openFileStreamProducer({ directory, topic: 'drivers' });
  await producer.send(values.map((value) => ({ key: null, value })));
  await producer.close();
}
const values = async (source: StreamSource) =>
  (await source.poll(none)).map(({ value, oversized }) => (value === null ? oversized : Buffer.from(value).toString()));

describe('a topic nobody has written to', () => {
  test('is refused to who only looks, and waited on by a consumer', async () => {
    await expect(open()).rejects.toThrow(/there is no topic "drivers"/);
    const source = await openFileStreamSource({ directory, topic: 'drivers', create: true });
    closing.push(source);
    expect(await source.partitions()).toEqual([{ partition: 0, start: 0, end: 0 }]);
    expect(await values(source)).toEqual([]);
    await produce('{"n":1}');
    expect(await values(source)).toEqual(['{"n":1}']);
    const { id } = JSON.parse(readFileSync(path.join(directory, 'drivers', 'topic.json'), 'utf8')) as { id: string };
    // A second consumer finds the same topic.
    closing.push(await openFileStreamSource({ directory, topic: 'drivers', create: true }));
    expect(await source.topicId()).toBe(id);
  });
});

describe('lines', () => {
  test('a line still being written is not returned, and is once it ends', async () => {
    await produce('{"n":1}');
    const source = await open();
    appendFileSync(file(), '{"n":2}\n{"n":');
    expect(await values(source)).toEqual(['{"n":1}', '{"n":2}']);
    const end = (await source.partitions())[0]?.end;
    expect(await values(source)).toEqual([]);
    appendFileSync(file(), '3}');
    expect(await values(source)).toEqual([]);
    appendFileSync(file(), '\n');
    const [third] = await source.poll(none);
    expect(third?.offset).toBe(end);
    expect(Buffer.from(third?.value ?? []).toString()).toBe('{"n":3}');
  });

  test('what a killed producer left half-written ends before the next event and spoils none', async () => {
    await produce('{"n":1}');
    appendFileSync(file(), '{"n":2,"cut":"of');
    await produce('{"n":3}');
    appendFileSync(file(), '{"n":4}');
    await produce('{"n":5}');
    expect(await values(await open())).toEqual(['{"n":1}', '{"n":2,"cut":"of', '{"n":3}', '{"n":4}', '{"n":5}']);
  });

  test('blank lines are no events, carriage returns are no harm', async () => {
    await produce('{"n":1}');
    appendFileSync(file(), '\n\r\n{"n":2}\r\n\n');
    expect((await values(await open())).map((v) => JSON.parse(String(v)))).toEqual([{ n: 1 }, { n: 2 }]);
  });

  test('a line that never ends is passed over without being loaded or searched twice', async () => {
    await produce('{"n":1}');
    const source = await open();
    appendFileSync(file(), 'x'.repeat(limits.streamEventBytesMax * 2));
    expect(await values(source)).toEqual(['{"n":1}']);
    expect(await values(source)).toEqual([]);
    appendFileSync(file(), 'x'.repeat(limits.streamEventBytesMax));
    expect(await values(source)).toEqual([]);
    appendFileSync(file(), 'x\n{"n":2}\n');
    expect([...(await values(source)), ...(await values(source))]).toEqual([
      limits.streamEventBytesMax * 3 + 1,
      '{"n":2}',
    ]);
  });

  test('an event of exactly the limit is one', async () => {
    const most = JSON.stringify('x'.repeat(limits.streamEventBytesMax - 2));
    await produce(most, '1');
    const source = await open();
    expect([...(await values(source)), ...(await values(source))]).toEqual([most, '1']);
  });

  test('the end is found behind a long half-written line', async () => {
    await produce('{"n":1}');
    const before = (await (await open()).partitions())[0]?.end;
    appendFileSync(file(), 'y'.repeat(3 << 20));
    expect((await (await open()).partitions())[0]?.end).toBe(before);
  });

  test.each(['{"a":\n1}', '', '  '])('%o can not be sent', async (value) => {
    await expect(produce('{"n":1}', value)).rejects.toMatchObject({ name: 'DataError' });
    expect(readFileSync(file(), 'utf8')).toBe('');
  });
});

describe('files that are not what they were', () => {
  test('shortened below what was read: DataError', async () => {
    await produce('{"n":1}', '{"n":2}');
    const source = await open();
    await values(source);
    truncateSync(file(), 5);
    await expect(source.poll(none)).rejects.toMatchObject({
      name: 'DataError',
      message: expect.stringMatching(/ends at 5, before offset/),
    });
    await expect(source.seek(new Map([[0, 10]]))).rejects.toThrow(/offset 10 is not in partition 0, which has 0 to 1/);
  });

  test('gone: DataError with a mend', async () => {
    await produce('{"n":1}');
    const source = await open();
    await values(source);
    rmSync(file());
    const error = await source.poll(none).catch((e: unknown) => e);
    expect(describeError(error)).toMatch(/the file is gone\n.*start the stream again/);
  });

  test('a producer notices that its topic was created again', async () => {
    const producer = await openFileStreamProducer({ directory, topic: 'drivers' });
    closing.push(producer);
    await producer.send([{ key: null, value: '1' }]);
    rmSync(path.join(directory, 'drivers'), { recursive: true });
    await produce('2');
    await expect(producer.send([{ key: null, value: '3' }])).rejects.toThrow(/deleted and created again/);
    expect(await values(await open())).toEqual(['2']);
  });

  test.each([
    ['damaged', () => writeFileSync(path.join(directory, 'drivers', 'topic.json'), '{'), /the topic.json is damaged/],
    ['missing', () => rmSync(path.join(directory, 'drivers', 'topic.json')), /has no topic.json/],
  ])('topic.json %s', async (_, damage, message) => {
    await produce('1');
    damage();
    await expect(open()).rejects.toThrow(message);
    await expect(produce('2')).rejects.toThrow(message);
  });

  test.each(['..', '../x', 'a/b', ''])('%o is no topic', async (topic) => {
    await expect(openFileStreamProducer({ directory, topic })).rejects.toMatchObject({ name: 'DefinitionError' });
    expect(readdirSync(directory)).toEqual([]);
  });

  test('a place that is no folder: StoreUnavailableError', async () => {
    const blocked = path.join(directory, 'blocked');
    writeFileSync(blocked, '');
    await expect(openFileStreamProducer({ directory: blocked, topic: 'a' })).rejects.toMatchObject({
      name: 'StoreUnavailableError',
    });
  });
});

describe('several processes', () => {
  /** A process that sends numbered batches of 50 events until it is killed, telling each batch it was promised. */
  function startProducer(name: string) {
    mkdirSync(directory, { recursive: true });
    const script = builtProgram('test/unit/stream-source/producer-process.ts');
    const child = fork(script, [directory, name], { stdio: 'inherit' });
    const acknowledged: number[] = [];
    child.on('message', (batch) => acknowledged.push(batch as number));
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    return { child, acknowledged, ended };
  }

  test('producers killed in the middle of writing lose nothing they were promised, and every other line is whole', async () => {
    const producers = ['a', 'b', 'c'].map(startProducer);
    for (const { child, acknowledged, ended } of producers) {
      await new Promise<void>((resolve) =>
        child.on('message', () => (acknowledged.length > 20 ? resolve() : undefined)),
      );
      child.kill('SIGKILL');
      await ended;
    }
    await produce('{"p":"last","batch":0,"i":0}');
    const source = await open();
    const counts = new Map<string, number>();
    let bad = 0;
    for (let batch = await source.poll(none); batch.length > 0; batch = await source.poll(none)) {
      for (const { value } of batch) {
        try {
          const { p, batch: b } = JSON.parse(Buffer.from(value ?? []).toString()) as { p: string; batch: number };
          counts.set(`${p}-${b}`, (counts.get(`${p}-${b}`) ?? 0) + 1);
        } catch {
          bad += 1;
        }
      }
    }
    for (const [index, name] of ['a', 'b', 'c'].entries()) {
      for (const batch of producers[index]?.acknowledged ?? []) expect(counts.get(`${name}-${batch}`)).toBe(50);
    }
    expect(counts.get('last-0')).toBe(1);
    expect(bad).toBeLessThanOrEqual(3);
  });
});
