import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRefused, type SampleProject, sampleProject, stateOf } from '../support/cli.js';

const megabytes = 24;

/** Whether this user may mount a small disk; only such a disk can be filled without harm. */
function mayMount(): boolean {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'asof-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' });
    execFileSync('umount', [folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const mountable = process.platform === 'linux' && mayMount();
if (!mountable) console.warn('SKIPPED: full and read-only disks, because this user may not mount a tmpfs');

describe.skipIf(!mountable)('a disk of its own (needs the right to mount a tmpfs)', () => {
  let project: SampleProject;
  let folder: string;
  let filler: string;
  const pushSample = ['push', 'driver_stats', '--file', 'data/driver_stats.parquet'];

  beforeAll(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'asof-disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder]);
    project = sampleProject(folder);
    filler = path.join(folder, 'filler');
    await project.ok('apply');
    await project.ok(...pushSample);
  });
  afterAll(() => {
    execFileSync('umount', ['-l', folder]);
    rmSync(folder, { recursive: true, force: true });
  });

  /** Leaves so many bytes free. */
  function fill(free: number): void {
    rmSync(filler, { force: true });
    const { bavail, bsize } = statfsSync(folder);
    writeFileSync(filler, Buffer.alloc(Math.max(0, bavail * bsize - free)));
  }

  /** 20,000 rows of hundreds of drivers, half a megabyte in every form they take on their way. */
  function batch(first: number): string {
    const lines = ['driver_id,datetime,created,conv_rate,acc_rate,avg_daily_trips'];
    for (let i = 0; i < 20_000; i += 1) {
      const driver = first + (i % 500);
      const time = new Date(Date.UTC(2021, 7, 1) + i * 60_000).toISOString();
      lines.push(
        `${driver},${time},${time},${((i * 7919) % 1000) / 1000},${((i * 104_729) % 1000) / 1000},${i % 1000}`,
      );
    }
    return lines.join('\n');
  }

  const freeBytes = [0, 131_072, 262_144, 327_680, 393_216, 524_288];

  it.each(freeBytes)(
    'full while publishing, %i bytes left: all of it or nothing, and it can be done again',
    async (free) => {
      const file = path.join(mkdtempSync(path.join(os.tmpdir(), 'asof-rows-')), 'rows.csv');
      writeFileSync(file, batch(10_000 + free));
      const before = await stateOf(project.root);
      fill(free);
      const full = await project.asof('push', 'driver_stats', '--file', file);
      rmSync(filler);
      const after = await stateOf(project.root);
      if (full.code !== 0) expectRefused(full, 4, /→ .*(space|room|disk)/);
      const added = (after.rows['driver_stats'] ?? 0) - (before.rows['driver_stats'] ?? 0);
      expect(full.code === 0 ? [20_000] : [0, 20_000]).toContain(added);
      if (added === 0) expect(after).toEqual(before);
      const again = (await project.ok('push', 'driver_stats', '--file', file, '--json')).json();
      expect(again).toMatchObject({ published: 20_000 - added, alreadyThere: added });
      rmSync(path.dirname(file), { recursive: true });
    },
  );

  it('full from the start: the message names the mend', async () => {
    fill(0);
    try {
      expectRefused(await project.asof('push', 'driver_stats', '--rows', rowsOf(7)), 4, /→ .*(space|room|disk)/);
    } finally {
      rmSync(filler);
    }
  });

  it('read-only: reads and writes say so, nothing is changed', async () => {
    const before = await stateOf(project.root);
    execFileSync('mount', ['-o', 'remount,ro', folder]);
    try {
      for (const command of [['push', 'driver_stats', '--rows', rowsOf(8)], ['apply'], ['materialize']]) {
        expectRefused(await project.asof(...command), 4, /→ .*(writable|permission)/);
      }
    } finally {
      execFileSync('mount', ['-o', `remount,rw,size=${megabytes}m`, folder]);
    }
    expect(await stateOf(project.root)).toEqual(before);
  });
});

const rowsOf = (trips: number): string =>
  JSON.stringify([
    {
      driver_id: 1001,
      datetime: '2021-09-01T10:00:00Z',
      created: null,
      conv_rate: 0.5,
      acc_rate: 0.5,
      avg_daily_trips: trips,
    },
  ]);
