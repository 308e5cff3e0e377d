import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRefused, runCli, type SampleProject, sampleProject } from '../support/cli.js';

const commands = [
  'demo',
  'up',
  'worker',
  'deploy',
  'codec-server',
  'services',
  'doctor',
  'plan',
  'apply',
  'list',
  'describe',
  'pipelines',
  'run',
  'cancel',
  'pause',
  'unpause',
  'runs',
  'intervals',
  'push',
  'materialize',
  'verify',
  'freshness',
  'get-historical-features',
  'get-online-features',
  'teardown',
];

let project: SampleProject;
beforeAll(() => {
  project = sampleProject();
});
afterAll(() => project.close());

describe('help', () => {
  it('is what asof without arguments shows, with every command', async () => {
    const { stdout, stderr } = await project.ok();
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    expect(stderr).toBe('');
    expect((await project.ok('--help')).stdout).toBe(stdout);
    expect((await project.ok('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each(commands)('of %s has an example and the options all commands have', async (command) => {
    const { stdout } = await project.ok(command, '--help');
    expect(stdout).toMatch(new RegExp(`\\nExample:\\n  \\$ asof ${command}`));
    expect(stdout).toContain('--repo <dir>');
    expect(stdout).toContain('--json');
  });
});

describe('mistakes on the command line', () => {
  it.each([
    [['aply'], /unknown command 'aply'/, /→ did you mean apply\?/],
    [['frobnicate'], /unknown command 'frobnicate'/, /→ `asof --help` shows the commands/],
    [['plan', '--jsn'], /unknown option '--jsn'/, /→ did you mean --json\?/],
    [['--repo', 'x', 'plan'], /unknown option '--repo'/, /→ options stand after the command/],
    [['describe', 'entity'], /missing required argument 'name'/, /→ `asof describe --help`/],
    [['plan', 'more'], /too many arguments for 'plan'/, /→ `asof plan --help`/],
    [['materialize', '--views'], /argument missing/, /→ `asof materialize --help`/],
    [['get-historical-features'], /required option '--entities/, /→ `asof get-historical-features --help`/],
    [['list', 'tables'], /no objects of kind "tables"/, /→ use one of entity, source/],
  ])('%j', async (args, ...patterns) => {
    expectRefused(await project.asof(...args), 2, ...patterns);
  });

  it('is one object on stderr with --json, for errors of every kind', async () => {
    for (const args of [['aply'], ['plan', '--repo', 'nope'], ['describe', 'entity']]) {
      const { code, stdout, stderr } = await project.asof(...args, '--json');
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(JSON.parse(stderr)).toMatchObject({
        error: { type: 'DefinitionError', message: expect.any(String), mend: expect.any(String) },
      });
    }
  });
});

describe('describe and list', () => {
  beforeAll(async () => {
    await project.ok('apply');
  });

  it('list every kind, or one', async () => {
    const { objects } = (await project.ok('list', '--json')).json<{ objects: { kind: string; name: string }[] }>();
    expect(objects.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'entity driver',
      'source driver_stats',
      'source driver_stats_stream',
      'feature_view driver_stats',
      'feature_view driver_stats_stream',
      'feature_service driver_ranking',
      'feature_service driver_ranking_fresh',
      'pipeline check_freshness',
      'pipeline db_to_offline_store',
      'pipeline maintain_lake',
      'pipeline materialize_offline_to_online',
      'pipeline stream_to_stores',
      'pipeline verify_online_offline',
    ]);
    const { stdout } = await project.ok('list', 'feature-services');
    expect(stdout.split('\n').filter((line) => line.includes('feature_service '))).toHaveLength(2);
    expect(stdout).not.toContain('pipeline');
  });

  it('tell fields, types, table and versions', async () => {
    const { stdout } = await project.ok('describe', 'feature_view', 'driver_stats');
    for (const pattern of [
      /^feature view driver_stats, version 1$/m,
      /^ {2}ttl: 36500 days$/m,
      /^ {2}in table: drivers\.driver_stats, 0 rows$/m,
      /driver_id +│ int64 +│ join key/,
      /avg_daily_trips │ int32 +│ feature/,
      /^ {2}1 {2}\d{4}-\d\d-\d\dT.*Z {2}applied$/m,
    ]) {
      expect(stdout).toMatch(pattern);
    }
    expect((await project.ok('describe', 'source', 'driver_stats_stream', '--json')).json()).toMatchObject({
      kind: 'source',
      spec: { kind: 'kafka_source', topic: 'drivers', event: { driver_id: 'int64', datetime: 'timestamp' } },
      history: [{ version: 1, removed: false, changes: [] }],
    });
    for (const [kind, name] of [
      ['entity', 'driver'],
      ['service', 'driver_ranking_fresh'],
      ['pipeline', 'db_to_offline_store'],
    ] as const) {
      expect((await project.ok('describe', kind, name)).stdout).toContain(`${name}, version 1`);
    }
  });
});

describe('doctor', () => {
  it('tells what is here, and ends as it says', async () => {
    const { code, json } = await project.asof('doctor', '--json');
    const { ok, checks } = json<{ ok: boolean; checks: { name: string; ok: boolean; required: boolean }[] }>();
    expect(code).toBe(ok ? 0 : 1);
    const names = checks.map(({ name }) => name);
    for (const name of ['Node.js', 'DuckDB extension ducklake', 'state folder', 'definitions'])
      expect(names).toContain(name);
  });

  it('ends with 1 and a mend for each thing on a machine that has nothing', async () => {
    const empty = mkdtempSync(path.join(os.tmpdir(), 'asof-empty-'));
    const env = {
      PATH: empty,
      HOME: empty,
      XDG_CACHE_HOME: empty,
      ASOF_CACHE_DIR: empty,
      ASOF_TEMPORAL_CLI: '',
      GOPATH: '',
    };
    const { code, stdout } = await runCli(['doctor'], { cwd: project.root, env });
    rmSync(empty, { recursive: true });
    expect(code).toBe(1);
    expect(stdout).toMatch(/✗ Temporal CLI: missing\n {4}→ .+/);
    expect(stdout).toMatch(/✗ DuckDB extension ducklake: not here.*\n {4}→ .*asof doctor --install/);
    expect(stdout).toMatch(/asof can not run yet/);
  });
});
