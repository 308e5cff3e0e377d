import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRefused, runCli } from '../support/cli.js';
import { TestStore } from '../support/store.js';

interface Told {
  readonly runId: string;
  readonly page: string;
  readonly isRecovered: boolean;
  readonly note?: string;
  readonly opened?: boolean;
  readonly views: readonly { view: string; quality: string; rows: number; broken: unknown[]; alerts: unknown[] }[];
}

const hour = (n: number): string => new Date(Date.UTC(2024, 0, 1, n)).toISOString();
const rows = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ user_id: 7000 + n, at: hour(n), made: hour(n), a: n, b: 'same' }));

let t: TestStore;
const runs = { first: 'aaaa-first-run', second: 'aaaa-second-run', atWork: 'bbbb-at-work' };

const asof = (args: readonly string[], env: NodeJS.ProcessEnv = {}) => runCli(args, { cwd: t.root, env });
const report = async (...args: string[]): Promise<Told> => {
  const done = await asof(['report', ...args, '--json']);
  expect(done.stderr).toBe('');
  expect(done.code).toBe(0);
  return done.json<Told>();
};
const folder = (run: string) => path.join(t.root, '.asof/reports', run);

async function open(runId: string): Promise<void> {
  const pipeline = t.store.repo.pipelines.get('load');
  if (pipeline === undefined) throw new Error('no pipeline');
  const nominalTime = new Date().toISOString();
  const views = ['stats', 'scores'];
  await t.store.runs.open(
    { pipeline, runId, workflowId: 'w', nominalTime, registryVersion: 1, views },
    async () => false,
  );
}

beforeAll(async () => {
  t = await TestStore.open({ expect: "[between('a', 0, 8, { severity: 'warn' })]" });
  for (const runId of [runs.first, runs.second]) {
    await open(runId);
    for (const view of ['stats', 'scores']) {
      t.writeData(`${view}.ndjson`, rows(10));
      const target = { runId, view, pipeline: 'load' };
      await t.store.steps.ingest(target);
      await t.store.steps.clean(target);
      await t.store.steps.exploreAndValidate(target);
    }
    await t.store.runs.close({
      pipeline: 'load',
      runId,
      workflowId: 'w',
      status: 'completed',
      steps: [],
      published: 20,
    });
  }
  await open(runs.atWork);
});
afterAll(() => t.close());

describe('asof report', () => {
  it('tells of a run in short, with one page for all of its views', async () => {
    const told = await report(runs.first);
    expect(told).toMatchObject({
      runId: runs.first,
      page: `.asof/reports/${runs.first}/report.html`,
      isRecovered: false,
    });
    expect(told.views).toMatchObject([
      { view: 'stats', quality: 'warned', rows: 10, broken: [{ expectation: 'between(a, 0, 8)', failed: 1 }] },
      { view: 'scores', quality: 'passed', rows: 10, broken: [] },
    ]);
    expect(told.views[1]?.alerts).toEqual([
      { kind: 'note', text: 'the same value in every row', columns: [{ name: 'b' }] },
    ]);
    const page = readFileSync(path.join(t.root, told.page), 'utf8');
    expect(page).toMatch(/<h2>stats<.*<h2>scores</s);
    const text = await asof(['report', runs.first]);
    expect(text.stdout).toMatch(/stats +warned +10 +0 of 1 hold/);
    expect(text.stdout).toContain('stats: warn: between(a, 0, 8): 1 of 10 rows');
    expect(text.stdout).toContain(`report: .asof/reports/${runs.first}/report.html`);
  });

  it('of a pipeline is that of its newest run that has one', async () => {
    for (const named of [[], ['load']]) {
      const told = await report(...named);
      expect(told.runId).toBe(runs.second);
      expect(told.note).toBe('the newest run, bbbb-at-work, has no report (it is running)');
    }
    expect((await report('aaaa-s', '--view', 'stats')).views.map(({ view }) => view)).toEqual(['stats']);
  });

  it('refuses what is not there, and names what may be meant', async () => {
    expectRefused(await asof(['report', 'laod']), 2, /there is no run and no pipeline "laod"/, /→ did you mean "load"/);
    expectRefused(await asof(['report', 'aaaa']), 2, /fits several runs/);
    expectRefused(
      await asof(['report', runs.first, '--view', 'stat']),
      2,
      /no report of view "stat"/,
      /did you mean "stats"/,
    );
    expectRefused(await asof(['report', runs.atWork]), 3, /has no report/, /→ it is written once the data/);
  });

  it('whose files are gone is made again from the lake, without rows and values of join keys', async () => {
    const whole = JSON.parse(readFileSync(path.join(folder(runs.first), 'stats/report.json'), 'utf8'));
    expect(whole.sample.rows).toHaveLength(10);
    expect(whole.profile.columns[0]).toMatchObject({ name: 'user_id', min: 7000 });
    rmSync(folder(runs.first), { recursive: true });
    expect(await report(runs.first)).toMatchObject({
      isRecovered: true,
      views: [{ view: 'stats' }, { view: 'scores' }],
    });
    const again = JSON.parse(readFileSync(path.join(folder(runs.first), 'stats/report.json'), 'utf8'));
    const { sample, profile, drift, ...rest } = whole;
    expect(again).toMatchObject(rest);
    expect(again.sample).toBeUndefined();
    expect(again.profile.columns[0]).toMatchObject({ name: 'user_id', distinct: 10, min: null, topValues: [] });
    expect(again.profile.columns.slice(1)).toEqual(profile.columns.slice(1));
    expect(readFileSync(path.join(folder(runs.first), 'report.html'), 'utf8')).toContain('own files are gone');
    rmSync(path.join(folder(runs.first), 'report.html'));
    await report(runs.first);
    expect(existsSync(path.join(folder(runs.first), 'report.html'))).toBe(true);
  });

  it('says which file of it is damaged', async () => {
    const file = path.join(folder(runs.second), 'stats/report.json');
    const whole = readFileSync(file);
    writeFileSync(file, whole.subarray(0, 100));
    expectRefused(
      await asof(['report', runs.second]),
      3,
      /stats\/report\.json: the report can't be read/,
      /→ remove this file/,
    );
    writeFileSync(file, whole);
  });

  it('opens the page by the opener of the system, or says where it is', async () => {
    const bin = path.join(t.root, 'bin');
    mkdirSync(bin);
    const seen = path.join(t.root, 'opened');
    const opener = path.join(bin, process.platform === 'darwin' ? 'open' : 'xdg-open');
    writeFileSync(opener, `#!/bin/sh\nprintf %s "$1" > '${seen}'\n`);
    chmodSync(opener, 0o755);
    const path_ = `${bin}:${process.env['PATH']}`;
    const opened = await asof(['report', runs.second, '--open', '--view', 'stats'], { PATH: path_ });
    expect(opened).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(seen, 'utf8')).toMatch(/^file:\/\/\/.*\/aaaa-second-run\/report\.html#v0$/);
    writeFileSync(opener, '#!/bin/sh\nexit 3\n');
    const none = await asof(['report', runs.second, '--open', '--json'], { PATH: path_ });
    expect(none.code).toBe(0);
    expect(none.json<Told>().opened).toBe(false);
    expect(none.stderr).toMatch(
      /can't be opened here: .*ended with 3.*→ open \.asof\/reports\/aaaa-second-run\/report\.html/s,
    );
    const nothing = await asof(['report', runs.second, '--open'], { PATH: path.join(t.root, 'nowhere') });
    expect(nothing.code).toBe(0);
    expect(nothing.stderr).toMatch(/there is no \S+ on this machine/);
  });
});
