import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { QuarantineList } from '../../src/index.js';
import { expectRefused, runCli } from '../support/cli.js';
import { TestStore } from '../support/store.js';

const at = (n: number): string => new Date(Date.UTC(2024, 0, 1, 0, n)).toISOString();
const nasty = '\u001b[31mred\u0007 <b>\u202egnp';
let t: TestStore;

const asof = (...args: string[]) => runCli(['quarantine', ...args], { cwd: t.root });
const list = async (...args: string[]) => (await asof('list', '--json', ...args)).json<QuarantineList>();

beforeAll(async () => {
  const rules = "[between('a', 0, 10, { severity: 'quarantine' }), notNull('b', { severity: 'quarantine' })]";
  t = await TestStore.open({ expect: rules });
  const rows = Array.from({ length: 200 }, (_, n) => ({
    user_id: n,
    at: at(n),
    made: at(n),
    a: n < 6 ? 99 : 1,
    b: n === 9 ? null : nasty,
  }));
  t.writeData('stats.ndjson', rows);
  const pipeline = t.store.repo.pipelines.get('load');
  if (pipeline === undefined) throw new Error('no pipeline');
  const target = { runId: randomUUID(), view: 'stats', pipeline: 'load' };
  await t.store.runs.open(
    { pipeline, runId: target.runId, workflowId: 'w', nominalTime: at(0), registryVersion: 1 },
    async () => false,
  );
  await t.store.steps.ingest(target);
  await t.store.steps.clean(target);
  await t.store.steps.exploreAndValidate(target);
  await t.store.steps.publish(target);
});
afterAll(() => t.close());

it('list fits 80 columns and lets nothing steer the terminal; show tells all of a row', async () => {
  const { stdout, code } = await asof('list');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^ *6 +held +stats +between\(a, 0, 10\)/m);
  expect(stdout).toMatch(/^ *1 +held +stats +notNull\(b\)/m);
  expect(stdout).toMatch(/^[0-9a-f]{16} +a = 99 +\S*stats\.ndjson row 1 +\S{13}$/m);
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  const [row] = (await list()).rows;
  const shown = await asof('show', row?.id ?? '');
  expect(shown.stdout).toMatch(/! a +99\n/);
  expect(shown.stdout).toContain('\\u001b[31mred\\u0007 <b>\\u202egnp');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
  expect(stdout + shown.stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  expect((await list('--rule', 'notNull')).total).toBe(1);
  expect((await list('--since', '2100-01-01')).total).toBe(0);
  expect((await list('--view', 'scores')).rows).toEqual([]);
  expect((await list('--limit', '2')).rows).toHaveLength(2);
});

it('refuses what nobody could mean, and asks nobody who is not there', async () => {
  expectRefused(await asof('release', '--yes'), 2, /nothing says which rows are meant/, /→ give ids, --view/);
  expectRefused(await asof('drop', 'abcd', '--all', '--yes'), 2, /can't be used together/);
  expectRefused(await asof('drop', '--all', '--view', 'stats', '--yes'), 2, /can't be used together/);
  expectRefused(await asof('drop', '--all'), 2, /nobody is here to be asked/, /→ add --yes/);
  expectRefused(await asof('show', 'zz'), 2, /is no id of a quarantined row/);
  expectRefused(await asof('show', 'ffffffffffffffff'), 2, /there is no quarantined row ffffffffffffffff/);
  expectRefused(await asof('list', '--state', 'hold'), 2, /→ did you mean "?held/);
  expect((await list()).total).toBe(7);
});

it('release and drop do what they say, and say what they did', async () => {
  const [first, second, ...rest] = (await list()).rows;
  const released = await asof('release', first?.id ?? '', '--yes', '--reason', 'seen and right');
  expect(released).toMatchObject({ code: 0 });
  expect(released.stdout).toMatch(/^stats: 1 row released, 1 new in the history \(snapshot \d+\)\.$/m);
  expect(released.stdout).toContain('`asof materialize` brings them online.');
  const again = await asof('release', first?.id ?? '', '--yes');
  expect(again).toMatchObject({ code: 0 });
  expect(again.stdout).toMatch(/was released before: .* by release-/);
  expect((await asof('drop', first?.id ?? '', '--yes')).code).toBe(3);
  expect((await asof('show', first?.id ?? '')).stdout).toContain('seen and right');

  const dropped = await asof('drop', second?.id ?? '', '--yes', '--json');
  expect(dropped.json()).toEqual({ dropped: 1, notHeld: [] });
  const broken = await asof('release', '--rule', 'between', '--recheck', '--yes');
  expect(broken).toMatchObject({ code: 3 });
  expect(broken.stdout).toContain(`stats: 4 rows stay held: breaks between(a, 0, 10)`);
  expect((await asof('release', '--all', '--yes', '--json')).json()).toMatchObject({
    released: rest.length,
    stillHeld: [],
  });
  expect((await asof('list')).stdout).toBe('Nothing is held in quarantine.\n');
  expect((await asof('list', '--view', 'stats')).stdout).toBe('No held row is like that.\n');
  expect((await list('--state', 'all')).groups.map(({ state, rows }) => [state, rows])).toEqual([
    ['released', 5],
    ['dropped', 1],
    ['released', 1],
  ]);
});
