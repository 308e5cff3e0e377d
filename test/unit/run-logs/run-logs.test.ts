import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RunLogWriter } from '../../../src/run-logs/log-writer.js';
import { RunLogs } from '../../../src/run-logs/run-logs.js';

const run = '0198a6f2-1af5-7000-8000-000000000001';

describe('logs of runs', () => {
  let shared: string;
  let logs: RunLogs;
  beforeEach(() => {
    shared = mkdtempSync(path.join(os.tmpdir(), 'asof-logs-'));
    logs = new RunLogs(shared);
  });
  afterEach(() => rmSync(shared, { recursive: true, force: true }));

  const folder = () => path.join(shared, 'logs', run);
  const say = (message: string, more: object = {}) =>
    logs.write(run, { level: 'info', step: 'clean', view: 'stats', attempt: 1, message, ...more });
  const messages = (filter = {}) => logs.read(run, filter).map(({ message }) => message);

  it('come back as they were written, of all files together in the order of time', () => {
    say('begun');
    logs.write(run, {
      level: 'info',
      step: 'close run',
      attempt: 1,
      message: 'run completed',
      fields: { published: 3 },
    });
    const other = {
      at: '2020-01-01T00:00:00.000Z',
      level: 'info',
      step: 'ingest',
      attempt: 1,
      worker: '7@far',
      message: 'early',
    };
    writeFileSync(path.join(folder(), '7@far-ingest.ndjson'), `${JSON.stringify(other)}\n`);
    expect(messages()).toEqual(['early', 'begun', 'run completed']);
    expect(logs.read(run)[2]).toEqual({
      at: expect.stringMatching(/^\d{4}-.*Z$/),
      level: 'info',
      step: 'close run',
      attempt: 1,
      worker: `${process.pid}@${os.hostname()}`,
      message: 'run completed',
      fields: { published: 3 },
    });
    expect(readdirSync(folder())).toHaveLength(3);
    expect(logs.last(run, 1).map(({ message }) => message)).toEqual(['run completed']);
    expect(logs.last(run, 0)).toEqual([]);
  });

  it('are filtered by step, view and level', () => {
    say('a');
    say('b', { step: 'explore and validate', level: 'warn' });
    say('c', { view: 'scores', level: 'error' });
    expect(messages({ step: 'clean' })).toEqual(['a', 'c']);
    expect(messages({ step: 'clean stats' })).toEqual(['a']);
    expect(messages({ step: 'explore' })).toEqual(['b']);
    expect(messages({ step: 'explore stats' })).toEqual(['b']);
    expect(messages({ step: 'scores' })).toEqual(['c']);
    expect(messages({ step: 'exp' })).toEqual([]);
    expect(messages({ level: 'warn' })).toEqual(['b', 'c']);
    expect(messages({ level: 'error', step: 'explore' })).toEqual([]);
  });

  it('read on where they stopped; a line without its end is not read yet, one that was cut never', () => {
    say('one');
    const reader = logs.follow(run);
    expect(reader.next()).toHaveLength(1);
    expect(reader.next()).toEqual([]);
    const file = path.join(folder(), readdirSync(folder())[0] as string);
    appendFileSync(file, '{"at":"2026-01-01T00:00:00Z","level":"info","step":"clean","mess');
    expect(reader.next()).toEqual([]);
    appendFileSync(file, 'age":"two"}\n{"at":"2026-\n');
    expect(reader.next().map(({ message }) => message)).toEqual(['two']);
    expect(messages()).toHaveLength(2);
  });

  it('end at a size, say so, and still keep what went wrong', () => {
    const writer = new RunLogWriter(path.join(shared, 'logs'), 10_000);
    const line = { level: 'info' as const, step: 'clean', attempt: 1, message: 'x'.repeat(200) };
    for (let at = 0; at < 200; at += 1) writer.write(run, line);
    writer.write(run, { ...line, level: 'error', message: 'the end of it' });
    // Another process comes to the same log: it looks how large it is.
    const second = new RunLogWriter(path.join(shared, 'logs'), 10_000);
    for (let at = 0; at < 200; at += 1) second.write(run, { ...line, step: 'publish', level: 'error' });
    const bytes = readdirSync(folder()).reduce((sum, name) => sum + statSync(path.join(folder(), name)).size, 0);
    expect(bytes).toBeLessThan(13_500);
    const told = logs.read(run, { level: 'warn' }).map(({ message }) => message);
    expect(told[0]).toMatch(/the log of this run has reached 10 KB/);
    expect(told).toContain('the end of it');
  });

  it('keep no message or fields beyond a length', () => {
    say('y'.repeat(100_000), { fields: { rows: 'z'.repeat(100_000) } });
    const [line] = logs.read(run);
    expect(line?.message).toHaveLength(4_000);
    expect(line?.fields).toEqual({ cut: true });
  });

  it('lose lines rather than fail a step, and count them', () => {
    mkdirSync(path.join(shared, 'logs'));
    // In place of the folder, so that nothing can be written.
    writeFileSync(folder(), '');
    say('lost');
    say('lost too');
    rmSync(folder());
    say('kept');
    expect(logs.read(run)).toMatchObject([{ message: 'kept', fields: { linesLost: 2 } }]);
  });

  it('never leave their folder', () => {
    logs.write('../../outside', { level: 'info', step: 'clean', attempt: 1, message: 'x' });
    logs.write(run, { level: 'info', step: '../clean', view: '../../stats', attempt: 1, message: 'x' });
    expect(readdirSync(shared)).toEqual(['logs']);
    expect(readdirSync(path.join(shared, 'logs'))).toEqual([run]);
    expect(() => logs.read('..')).toThrow(/is no run id/);
    expect(() => logs.remove('../staging')).toThrow(/is no run id/);
  });

  it('are removed, and then there are none', () => {
    say('one');
    expect(logs.has(run)).toBe(true);
    logs.remove(run);
    expect(logs.has(run)).toBe(false);
    expect(logs.read(run)).toEqual([]);
  });
});
