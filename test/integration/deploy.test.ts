import type { ScheduleDescription } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FeatureStore, openFeatureStore } from '../../src/index.js';
import { desiredSchedule } from '../../src/temporal/deploy/desired-schedule.js';
import { findSchedule, replaceSchedule } from '../../src/temporal/deploy/server-schedule.js';
import { type DeployStep, deploy, planDeploy } from '../../src/temporal/index.js';
import { type SampleProject, sampleProject } from '../support/cli.js';
import { startTemporal, type TestTemporal } from '../support/temporal.js';

let temporal: TestTemporal;
let project: SampleProject;
let store: FeatureStore | undefined;
let count = 0;
/** A project of its own for each test, on one server. */
let name: string;

beforeAll(async () => {
  temporal = await startTemporal();
});
beforeEach(() => {
  name = `deploy${count++}`;
  project = sampleProject();
  project.write(
    'feature_repo/feature-store.ts',
    `import { featureStoreConfig } from 'asof';\nexport default featureStoreConfig({ project: '${name}' });\n`,
  );
});
afterEach(async () => {
  await store?.close();
  store = undefined;
  project.close();
});
afterAll(() => temporal.close());

/** The project with these pipelines, each `name: rest of its definition`. */
async function define(pipelines: Record<string, string>, { apply = true } = {}): Promise<void> {
  const defined = Object.entries(pipelines).map(
    ([pipeline, rest]) =>
      `export const ${pipeline} = pipeline({ name: '${pipeline}', workflow: 'verifyOnlineOffline', args: { views: ['driver_stats'] }, ${rest} });`,
  );
  const words = 'after, cron, daily, every, manual, once, pipeline';
  project.write(
    'feature_repo/pipelines.ts',
    `import { ${words} } from 'asof';\nvoid [${words}];\n${defined.join('\n')}\n`,
  );
  await store?.close();
  store = await openFeatureStore(`${project.root}/feature_repo`);
  if (apply) await store.apply();
}

function opened(): FeatureStore {
  if (store === undefined) throw new Error('nothing is defined yet');
  return store;
}

/** Every project has upkeep pipelines too; the tests are of those they define. */
const isUpkeep = (pipeline: string): boolean => ['maintain_lake', 'check_freshness'].includes(pipeline);
const own = (steps: readonly DeployStep[]): DeployStep[] => steps.filter(({ pipeline }) => !isUpkeep(pipeline));
const go = async (force = false): Promise<DeployStep[]> =>
  own(await deploy({ client: temporal.client, store: opened(), force }));
const plan = async (force = false): Promise<DeployStep[]> =>
  own(await planDeploy({ client: temporal.client, store: opened(), force }));
const brief = (steps: readonly DeployStep[]): string[] => steps.map(({ action, pipeline }) => `${action} ${pipeline}`);
const onServer = (pipeline: string): Promise<ScheduleDescription> =>
  temporal.client.schedule.getHandle(`${name}/${pipeline}`).describe();
const changedTo = (steps: readonly DeployStep[], field: string) =>
  steps.flatMap(({ fields }) => fields).find((change) => change.field === field);

/** All schedules of the project, once the list has caught up. */
async function ids(): Promise<string[]> {
  const found: string[] = [];
  for await (const { scheduleId } of temporal.client.schedule.list())
    if (scheduleId.startsWith(`${name}/`)) found.push(scheduleId.slice(name.length + 1));
  return found.filter((pipeline) => !isUpkeep(pipeline)).sort();
}

/** Changes a schedule as somebody would in the Web UI. */
const byHand = (pipeline: string, change: (now: ScheduleDescription) => Partial<ScheduleDescription>): Promise<void> =>
  temporal.client.schedule.getHandle(`${name}/${pipeline}`).update((now) => ({ ...now, ...change(now) }));

describe('asof deploy', () => {
  it('adds what is defined, and changes nothing the second time', async () => {
    await define({ a: 'schedule: daily()', b: "schedule: every('2 hours'), tags: ['x', 'y']" });
    expect(brief(await plan())).toEqual(['add a', 'add b']);
    await expect(onServer('a')).rejects.toThrow(/not found/i);
    expect(brief(await go())).toEqual(['add a', 'add b']);
    const before = await onServer('b');
    expect(brief(await go())).toEqual(['none a', 'none b']);
    expect((await onServer('b')).info.lastUpdatedAt).toEqual(before.info.lastUpdatedAt);
    expect(before.action).toMatchObject({
      workflowType: 'verifyOnlineOffline',
      workflowId: `${name}/b`,
      taskQueue: `asof-${name}`,
      args: [{ pipeline: 'b', trigger: 'schedule' }],
      staticSummary: 'b',
    });
    expect(before.spec).toMatchObject({ intervals: [{ every: 7_200_000 }], jitter: undefined });
  });

  it('shows and makes changes field by field, and leaves a pause with its note', async () => {
    await define({ a: 'schedule: daily()' });
    await go();
    await temporal.client.schedule.getHandle(`${name}/a`).pause('the source is down');
    expect((await plan())[0]).toMatchObject({
      action: 'none',
      drift: [],
      notes: [expect.stringMatching(/the source is down/)],
    });
    await define({
      a: "schedule: cron('30 4 1 * 1', { timezone: 'Asia/Tokyo' }), overlap: 'queue', catchup: true, startAt: '2030-01-15', endAt: '2031-01-01'",
    });
    const planned = await plan();
    expect(changedTo(planned, 'times')).toMatchObject({ from: '0 0 * * *', to: '30 4 * * 1 or 30 4 1 * *' });
    expect(changedTo(planned, 'timezone')).toMatchObject({ from: 'UTC', to: 'Asia/Tokyo' });
    expect(changedTo(planned, 'overlap')).toMatchObject({ from: 'SKIP', to: 'BUFFER_ALL' });
    expect(changedTo(planned, 'catch-up window')).toMatchObject({ from: '1 day', to: '365 days' });
    expect(changedTo(planned, 'last run')).toMatchObject({ from: null, to: '2031-01-01T00:00:00.000Z' });
    expect((await onServer('a')).policies.overlap).toBe('SKIP');
    expect(brief(await go())).toEqual(['change a']);
    const { state, policies } = await onServer('a');
    expect(state).toMatchObject({ paused: true, note: 'the source is down' });
    expect(policies).toMatchObject({ overlap: 'BUFFER_ALL', catchupWindow: 365 * 86_400_000 });
    expect(brief(await go())).toEqual(['none a']);
  });

  it('takes the policy of the server that is meant by the overlap', async () => {
    const policies = { skip: 'SKIP', queue: 'BUFFER_ALL', allow: 'ALLOW_ALL', cancel: 'CANCEL_OTHER' };
    const overlaps = Object.keys(policies);
    await define(
      Object.fromEntries(overlaps.map((overlap) => [overlap, `schedule: every('5 minutes'), overlap: '${overlap}'`])),
    );
    await go();
    for (const [overlap, policy] of Object.entries(policies))
      expect((await onServer(overlap)).policies).toMatchObject({
        overlap: policy,
        catchupWindow: 300_000,
        pauseOnFailure: false,
      });
  });

  it('has the first run at the end of the first whole interval, the last at endAt', async () => {
    await define({
      aligned: "schedule: daily(), startAt: '2030-01-01', endAt: '2030-01-04'",
      between: "schedule: every('1 day'), startAt: '2030-01-01T12:00:00Z', endAt: '2030-01-03T23:00:00Z'",
    });
    await go();
    const times = async (pipeline: string): Promise<string[]> => {
      const { startTime } = await temporal.client.workflowService.listScheduleMatchingTimes({
        ...{ namespace: 'default', scheduleId: `${name}/${pipeline}` },
        ...{ startTime: msToTs(Date.UTC(2029, 11, 1)), endTime: msToTs(Date.UTC(2030, 1, 1)) },
      });
      return (startTime ?? []).map(({ seconds }) => new Date(Number(seconds) * 1_000).toISOString().slice(0, 10));
    };
    expect(await times('aligned')).toEqual(['2030-01-02', '2030-01-03', '2030-01-04']);
    expect(await times('between')).toEqual(['2030-01-03']);
  });

  it('shows what was changed by hand, and overwrites it only with force', async () => {
    await define({ a: 'schedule: daily()' });
    await go();
    await byHand('a', ({ policies }) => ({ policies: { ...policies, overlap: 'ALLOW_ALL' } }));
    await define({ a: "schedule: daily({ timezone: 'Asia/Tokyo' })" });
    const left = await go();
    expect(left).toMatchObject([
      { action: 'none', left: true, drift: [{ field: 'overlap', from: 'SKIP', to: 'ALLOW_ALL' }] },
    ]);
    expect((await onServer('a')).policies.overlap).toBe('ALLOW_ALL');
    expect(brief(await go(true))).toEqual(['change a']);
    expect(await onServer('a')).toMatchObject({ policies: { overlap: 'SKIP' }, spec: { timezone: 'Asia/Tokyo' } });
    expect(brief(await go())).toEqual(['none a']);
  });

  it('takes what was made by hand as defined for its own, so that the next change is no drift', async () => {
    await define({ a: 'schedule: daily()' });
    await go();
    await byHand('a', ({ policies }) => ({ policies: { ...policies, overlap: 'ALLOW_ALL' } }));
    await define({ a: "schedule: daily(), overlap: 'allow'" });
    expect(await go()).toMatchObject([{ action: 'change', fields: [], left: false }]);
    await define({ a: "schedule: daily(), overlap: 'queue'" });
    expect(await go()).toMatchObject([{ action: 'change', drift: [], left: false }]);
    expect(brief(await go())).toEqual(['none a']);
  });

  it('never touches a schedule it did not make', async () => {
    const foreign = { workflowType: 'theirs', taskQueue: 'theirs', type: 'startWorkflow' as const };
    for (const pipeline of ['a', 'unknown'])
      await temporal.client.schedule.create({
        ...{ scheduleId: `${name}/${pipeline}`, spec: { calendars: [{ hour: 3 }] }, action: foreign },
        state: { paused: true },
      });
    await define({ a: 'schedule: daily()' });
    expect(await go()).toMatchObject([
      {
        action: 'none',
        left: true,
        notes: [expect.stringMatching(/paused/), expect.stringMatching(/did not make; --force/)],
      },
    ]);
    expect((await onServer('a')).action.workflowType).toBe('theirs');
    expect(brief(await go(true))).toEqual(['change a']);
    expect((await onServer('a')).action.workflowType).toBe('verifyOnlineOffline');
    expect(brief(await go())).toEqual(['none a']);
    expect((await onServer('unknown')).action.workflowType).toBe('theirs');
  });

  it('removes what no definition has any more, also renamed, and what is no longer started by the clock', async () => {
    await define({ a: 'schedule: daily()', b: 'schedule: daily()', c: 'schedule: daily()', d: 'schedule: daily()' });
    await go();
    await expect.poll(ids).toEqual(['a', 'b', 'c', 'd']);
    await define({
      a: 'schedule: manual()',
      b: 'schedule: after(a)',
      renamed: 'schedule: daily()',
      d: "schedule: daily(), endAt: '2020-01-01'",
    });
    const done = await go();
    expect(brief(done).sort()).toEqual(['add renamed', 'remove a', 'remove b', 'remove c', 'remove d']);
    await expect.poll(ids).toEqual(['renamed']);
    expect((await go()).map(({ action, pipeline, notes }) => `${action} ${pipeline} ${notes.join()}`)).toEqual([
      'none a started by hand',
      'none b runs after a',
      'none d ended on 2020-01-01T00:00:00.000Z',
      'none renamed ',
    ]);
  });

  it('starts what runs once once, and not again when only the lake remembers it', async () => {
    await define({ a: 'schedule: once()', later: "schedule: once(), startAt: '2031-05-01'" });
    expect(brief(await go())).toEqual(['start a', 'start later']);
    expect(brief(await go())).toEqual(['none a', 'none later']);
    const later = await temporal.client.workflow.getHandle(`${name}/later/once`).describe();
    expect(later.searchAttributes['TemporalScheduledStartTime']).toEqual([new Date('2031-05-01T00:00:01Z')]);
    expect(later.raw.workflowExecutionInfo?.executionTime?.seconds?.toNumber()).toBeGreaterThan(
      Date.UTC(2031, 3, 30) / 1_000,
    );

    await define({ b: 'schedule: once()' });
    const pipeline = opened().repo.pipelines.get('b');
    if (pipeline === undefined) throw new Error('no pipeline b');
    const run = { runId: `run-${name}`, workflowId: `${name}/b/once` };
    await opened().runs.open(
      { ...run, pipeline, nominalTime: '2024-01-01T00:00:00Z', registryVersion: 1 },
      async () => false,
    );
    await opened().runs.close({ ...run, pipeline: 'b', status: 'failed', steps: [], published: 0 });
    expect(await go()).toMatchObject([{ action: 'none', notes: [expect.stringMatching(/ran once: failed/)] }]);
  });

  it('catches up from startAt by one backfill, and not twice', async () => {
    await define({ a: "schedule: daily(), startAt: '2024-01-01', catchup: true" });
    expect(brief(await plan())).toEqual(['add a', 'catch up a']);
    const days = Math.floor((Date.now() - Date.UTC(2024, 0, 1)) / 86_400_000).toLocaleString('en');
    expect((await plan()).at(-1)?.notes[0]).toMatch(new RegExp(`^${days} intervals from 2024-01-01T.*no run has comp`));
    expect(brief(await go())).toEqual(['add a', 'catch up a']);
    const backfill = await temporal.client.workflow.getHandle(`${name}/catchup/a`).describe();
    expect(backfill).toMatchObject({ type: 'backfill', taskQueue: `asof-${name}` });
    expect((await go()).flatMap(({ notes }) => notes)).toEqual(['catching up']);
    await temporal.client.workflow.getHandle(`${name}/catchup/a`).terminate();
    await temporal.client.schedule.getHandle(`${name}/a`).pause();
    expect(brief(await plan())).toEqual(['none a']);
  });

  it('names a changed period as the cause of what is missing, where something was completed by the old one', async () => {
    const hourly = "schedule: every('1 hour'), startAt: '2024-01-01', catchup: true";
    const daily = "schedule: every('1 day'), startAt: '2024-01-01', catchup: true";
    await define({ a: hourly });
    await go();
    await temporal.client.workflow.getHandle(`${name}/catchup/a`).terminate();
    const catchingUp = async () => (await plan()).find(({ action }) => action === 'catch up')?.notes;
    await define({ a: daily });
    // Nothing ran yet: the period is no cause.
    expect(await catchingUp()).toEqual([expect.stringMatching(/intervals from 2024-01-01T.*no run has completed$/)]);
    const pipeline = opened().repo.pipelines.get('a');
    if (pipeline === undefined) throw new Error('no pipeline a');
    const run = { runId: `run-${name}`, workflowId: 'w' };
    const interval = { start: '2024-01-01T00:00:00Z', end: '2024-01-01T01:00:00Z' };
    const opening = { ...run, pipeline, interval, nominalTime: interval.end, registryVersion: 1 };
    await opened().runs.open(opening, async () => false);
    await opened().runs.close({ ...run, pipeline: 'a', status: 'completed', steps: [], published: 0 });
    expect(await catchingUp()).toEqual([
      expect.stringMatching(/no run has completed$/),
      'because the period changes (times: every 1 hour → every 1 day): a run counts for an interval only if its own holds all of it',
    ]);
    await go();
    await temporal.client.workflow.getHandle(`${name}/catchup/a`).terminate();
    expect(await catchingUp()).toEqual([expect.stringMatching(/no run has completed$/)]);
  });

  it('of two at once both end with what is defined, and a stale change is refused', async () => {
    await define({ a: 'schedule: daily()', b: "schedule: every('1 hour')", c: 'schedule: once()' });
    const other = await openFeatureStore(`${project.root}/feature_repo`);
    await Promise.all([go(), deploy({ client: temporal.client, store: other, force: false })]);
    await other.close();
    expect(brief(await go())).toEqual(['none a', 'none b', 'none c']);

    const pipeline = opened().repo.pipelines.get('a');
    const stale = await findSchedule(temporal.client, name, `${name}/a`);
    if (pipeline === undefined || stale === undefined) throw new Error('no pipeline a');
    await temporal.client.schedule.getHandle(`${name}/a`).pause('meanwhile');
    // This version of the server says nothing of it; `deploy` looks again and repeats it.
    const queued = desiredSchedule(name, { ...pipeline, overlap: 'queue' });
    await replaceSchedule(temporal.client, name, stale, queued).catch(({ code }) => expect(code).toBe(9));
    expect((await onServer('a')).policies.overlap).toBe('SKIP');
    expect((await onServer('a')).state.paused).toBe(true);
  });

  it.each([
    [
      'definitions that are not applied',
      { bad: "schedule: daily(), overlap: 'queue'" },
      /differ from what was applied/,
      false,
    ],
    ['a workflow nobody exports', { bad: "schedule: daily(), workflow: 'nothing'" }, /no workflow "nothing"/, true],
    [
      'no whole interval',
      { bad: "schedule: daily(), startAt: '2024-01-01T01:00:00Z', endAt: '2024-01-02T23:00:00Z'" },
      /no whole interval/,
      true,
    ],
  ])('deploys nothing at all with %s', async (_, bad, message, apply) => {
    if (!apply) await define({ good: 'schedule: daily()' });
    await define({ good: 'schedule: daily()', ...bad }, { apply });
    await expect(go()).rejects.toThrow(message);
    expect(await findSchedule(temporal.client, name, `${name}/good`)).toBeUndefined();
  });

  it.each([
    ['a bad cron expression', "schedule: cron('61 * * * *')", /cron expression/],
    ['an extension of cron', "schedule: cron('H * * * *')", /only digits, names/],
    ['an unknown zone', "schedule: daily({ timezone: 'Mars/Base' })", /timezone "Mars\/Base" is unknown/],
    [
      'an end before the start',
      "schedule: daily(), startAt: '2024-02-01', endAt: '2024-01-01'",
      /is not after startAt/,
    ],
    [
      'arguments that do not fit',
      "schedule: daily(), args: { views: ['driver_stats'], sample: 'many' }",
      /"sample" does not fit/,
    ],
    ['an upstream that is not there', "schedule: after('nobody')", /no file exports/],
  ])('loads nothing with %s', async (_, bad, message) => {
    await expect(define({ good: 'schedule: daily()', bad })).rejects.toThrow(message);
  });
});
