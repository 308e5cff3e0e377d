import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withExclusiveLock } from '../../../src/toolchain/exclusive-lock.js';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'asof-lock-'));
  file = path.join(folder, 'made on demand', 'a.lock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('one after the other, in one process', async () => {
  let inside = 0;
  const most: number[] = [];
  const work = () =>
    withExclusiveLock(file, {}, async () => {
      most.push(++inside);
      await new Promise((resolve) => setTimeout(resolve, 5));
      inside -= 1;
    });
  await Promise.all([work(), work(), work()]);
  expect(most).toEqual([1, 1, 1]);
});

test('work that fails gives the lock back', async () => {
  await expect(withExclusiveLock(file, {}, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  expect(await withExclusiveLock(file, {}, async () => 'mine')).toBe('mine');
});

test('a holder that was killed blocks nobody for ever', async () => {
  const holding = path.join(folder, 'holding');
  const source = fileURLToPath(new URL('../../../src/toolchain/exclusive-lock.ts', import.meta.url));
  const code = `import { writeFileSync } from 'node:fs';
    import { withExclusiveLock } from ${JSON.stringify(source)};
    await withExclusiveLock(${JSON.stringify(file)}, {}, async () => {
      writeFileSync(${JSON.stringify(holding)}, '');
      await new Promise((resolve) => setTimeout(resolve, 600_000));
    });`;
  const args = ['--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', code];
  const holder = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  while (!existsSync(holding)) await new Promise((resolve) => setTimeout(resolve, 20));
  holder.kill('SIGKILL');
  await once(holder, 'exit');

  let waited = false;
  const onWait = () => {
    waited = true;
  };
  expect(await withExclusiveLock(file, { onWait }, async () => 'mine')).toBe('mine');
  expect(waited).toBe(true);
});

test('waiting ends with an abort', async () => {
  await withExclusiveLock(file, {}, async () => {
    const stop = new AbortController();
    const onWait = () => stop.abort(new Error('Ctrl-C'));
    await expect(withExclusiveLock(file, { signal: stop.signal, onWait }, async () => 'never')).rejects.toThrow(
      'Ctrl-C',
    );
  });
});

test('a folder that can not be made is an error with its mend', async () => {
  writeFileSync(path.dirname(file), 'a file is in the way');
  await expect(withExclusiveLock(file, {}, async () => 'never')).rejects.toMatchObject({
    name: 'StoreUnavailableError',
    mend: expect.stringContaining('writable'),
  });
});
