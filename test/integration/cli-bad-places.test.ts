import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { expectRefused, runCli, type SampleProject, sampleProject, stateOf } from '../support/cli.js';

// A dozen processes in one test, on a machine that may be busy with others.
vi.setConfig({ testTimeout: 300_000 });

let project: SampleProject;
beforeEach(() => {
  project = sampleProject();
});
afterEach(() => project.close());

const pushSample = ['push', 'driver_stats', '--file', 'data/driver_stats.parquet'];

describe('a state folder that can not be made', () => {
  it('is named, with what to do', async () => {
    project.write('.asof', 'a file where the folder should be');
    for (const command of [['apply'], ['plan'], pushSample]) {
      expectRefused(await project.asof(...command), 4, /\.asof/, /→ check that the folder is writable/);
    }
    const { code, stdout } = await project.asof('doctor');
    expect({ code, stdout }).toMatchObject({ code: 1, stdout: expect.stringMatching(/✗ state folder: not writable/) });
    rmSync(path.join(project.root, '.asof'));
    await project.ok('apply');
  });
});

describe('definitions that can not be used', () => {
  const commands = [
    ['plan'],
    ['apply'],
    ['list'],
    ['push', 'driver_stats', '--rows', '[{}]'],
    ['materialize'],
    ['get-online-features', '--service', 'driver_ranking', '--key', 'driver_id=1'],
    ['teardown', '--yes'],
  ];

  it('that do not compile: their own error, file and line, and nothing is made', async () => {
    project.edit('feature_repo/entities.ts', "name: 'driver',", "name: 'driver' description");
    for (const command of commands) {
      expectRefused(await project.asof(...command), 2, /feature_repo\/entities\.ts:5:\d+: Unexpected token/);
    }
    expect(existsSync(path.join(project.root, '.asof'))).toBe(false);
    const { code, stdout } = await project.asof('doctor');
    expect({ code, stdout }).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/✗ definitions: .*entities\.ts:5/),
    });
  });

  it('that are mistaken: object, field and mend', async () => {
    project.edit('feature_repo/features.ts', "ttl: '36500 days'", "ttl: 'long'");
    expectRefused(await project.asof('plan'), 2, /feature_repo\/features\.ts:\d+: featureView "driver_stats": ttl/);
  });

  it('that are not there', async () => {
    expectRefused(await project.asof('plan', '--repo', 'features'), 2, /there is no such folder/, /→ .*--repo <dir>/);
    expectRefused(await project.asof('demo', '--repo', 'features'), 2, /sample .* is not here/, /→ .*clone of asof/);
  });

  it('that were edited and not applied: writes wait for apply, the plan says what it costs', async () => {
    await project.ok('apply');
    await project.ok(...pushSample);
    const before = await stateOf(project.root);
    project.edit('feature_repo/features.ts', 'avg_daily_trips: int32()', 'avg_daily_trips: float32()');
    for (const command of [pushSample, ['materialize']]) {
      expectRefused(
        await project.asof(...command),
        2,
        /feature_view driver_stats \(features\.avg_daily_trips\)/,
        /→ run asof apply/,
      );
    }
    const plan = await project.ok('plan');
    expect(plan.stdout).toMatch(
      /~ feature view driver_stats\n {4}features\.avg_daily_trips: int32 → float32\n {4}! breaking: .+; .+/,
    );
    expect((await project.ok('plan', '--json')).json()).toMatchObject({ breaking: true, version: 1 });
    expect({ ...(await stateOf(project.root)), online: before.online }).toEqual(before);
    await project.ok('apply');
    expect(await stateOf(project.root)).toMatchObject({ version: 2, rows: { driver_stats: 0 } });
    const { stdout } = await project.ok('describe', 'view', 'driver_stats');
    expect(stdout).toMatch(/in table: drivers\.driver_stats__g2, 0 rows/);
    expect(stdout).toMatch(/ 2 {2}.*features\.avg_daily_trips: int32 → float32/);
  });
});

describe('two at once', () => {
  it('apply: both end well, on one version', async () => {
    const both = await Promise.all([project.asof('apply', '--json'), project.asof('apply', '--json')]);
    expect(both.map(({ code, stderr }) => ({ code, stderr }))).toEqual([
      { code: 0, stderr: '' },
      { code: 0, stderr: '' },
    ]);
    expect(both.map((result) => result.json()['version'])).toEqual([1, 1]);
    const changes = both.map((result) => (result.json()['changes'] as unknown[]).length).sort((a, b) => a - b);
    expect(changes).toEqual([0, 13]);
    const { objects } = (await project.ok('list', '--json')).json<{ objects: { version: number }[] }>();
    expect(objects.map(({ version }) => version)).toEqual(Array(13).fill(1));
  });

  it('push of the same rows: each is there once', async () => {
    await project.ok('apply');
    const both = await Promise.all([project.ok(...pushSample, '--json'), project.ok(...pushSample, '--json')]);
    const published = both.map((result) => Number(result.json()['published']));
    expect(published.sort((a, b) => a - b)).toEqual([0, 1805]);
    expect(await stateOf(project.root)).toMatchObject({ rows: { driver_stats: 1805 } });
  });
});

describe('Ctrl-C', () => {
  it('ends a long read with 130 and leaves no file behind', async () => {
    await project.ok('apply');
    await project.ok(...pushSample);
    const before = await stateOf(project.root);
    const spill = path.join(project.root, '.asof/tmp');
    const rows =
      "SELECT 1001 + i % 5 AS driver_id, TIMESTAMP '2021-05-01' + INTERVAL (i) SECOND AS event_timestamp FROM range(200000000) AS t(i)";
    let watch: NodeJS.Timeout | undefined;
    const result = await runCli(
      ['get-historical-features', '--entities', rows, '--service', 'driver_ranking', '--out', 'big.parquet'],
      {
        cwd: project.root,
        // Little memory: that it spills shows that the statement is at work.
        env: { ASOF_DUCKDB_MEMORY: '300MB' },
        onStart: (child) => {
          watch = setInterval(() => {
            if (readdirSync(spill).length > 0) child.kill('SIGINT');
          }, 100);
        },
      },
    ).finally(() => clearInterval(watch));
    expect(result).toMatchObject({ stdout: '', stderr: 'asof: interrupted\n' });
    expect([result.code, result.signal]).toEqual([130, null]);
    expect(readdirSync(project.root).filter((name) => name.startsWith('big'))).toEqual([]);
    expect(await stateOf(project.root)).toEqual(before);
  });
});
