import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectActivities } from '../../src/cli/project-activities.js';
import { DefinitionError, type FeatureStore, type Json, openFeatureStore } from '../../src/index.js';
import { failureReason, hasBegun } from '../../src/temporal/index.js';
import { type SampleProject, sampleProject } from '../support/cli.js';
import { ServedStore } from '../support/served-store.js';

const pipelines = `
import { env, pipeline, webhook, z } from 'asof';
const retries = { attempts: 2, delay: '100 milliseconds' } as const;
const argsSchema = z.strictObject({ times: z.int().default(2), fail: z.enum(['never', 'once', 'always', 'data']).default('never') });
export const counted = pipeline({ name: 'counted', workflow: 'counted', argsSchema, retries });
export const watched = pipeline({ name: 'watched', workflow: 'counted', argsSchema, retries, onFailure: [webhook({ url: env('TEST_NOBODY_URL') })] });
export const plain = pipeline({ name: 'plain', workflow: 'plain', retries });
export const fetched = pipeline({ name: 'fetched', workflow: 'fetched', args: { views: ['driver_stats'] }, retries });
`;

const activities = `
import { DataError } from 'asof';
import { step, type ActivityDeps } from 'asof/activity';
import { double } from './lib/double.js';
let tries = 0;
export const count = step(async ({ store }, { times, fail }: { times: number; fail: string }, { progress }) => {
  tries += 1;
  progress({ message: 'counting' });
  if (fail === 'data') throw new DataError('no such number', { where: 'data/x.csv:3', mend: 'correct it' });
  if (fail === 'always' || (fail === 'once' && tries % 2 === 1)) throw new Error('not now');
  return { rowsIn: times, rowsOut: double(times), project: store.project };
});
export const greet = async ({ store }: ActivityDeps, { name }: { name: string }) => \`\${name} of \${store.project}\`;
export const stumble = async (): Promise<void> => { throw new TypeError('always'); };
export const notAFunction = 3;
`;

const workflows = `
import { type PipelineInput, pipelineRun, proxySteps, publishView } from 'asof/workflow';
import type * as mine from '../activities/count.js';
const own = proxySteps<typeof mine>();
export async function counted(input: PipelineInput) {
  return pipelineRun<{ times: number; fail: string }>(input, async (run) => {
    const { rowsOut, project } = await run.step('count', (resume) => own.count({ ...run.target, ...run.args, resume }));
    run.published += rowsOut;
    run.detail(project);
  });
}
export async function plain() {
  const greeting = await own.greet({ name: 'drivers' });
  await own.stumble(undefined as never);
  return greeting;
}
export async function fetched(input: PipelineInput) {
  return pipelineRun(input, async (run) => {
    for (const view of run.views) await publishView(run, view);
  });
}
`;

describe("a project's own pipelines", () => {
  let project: SampleProject;
  let store: FeatureStore;
  let served: ServedStore;

  const write = (file: string, content: string): void => {
    mkdirSync(path.dirname(path.join(project.root, file)), { recursive: true });
    writeFileSync(path.join(project.root, file), content);
  };

  beforeAll(async () => {
    project = sampleProject();
    write('feature_repo/own.ts', pipelines);
    write('activities/count.ts', activities);
    write('activities/lib/double.ts', 'export const double = (n: number): number => 2 * n;');
    write('workflows/own.ts', workflows);
    store = await openFeatureStore(path.join(project.root, 'feature_repo'));
    await store.apply();
    served = await ServedStore.serve(store);
  });

  afterAll(async () => {
    await served.close();
    await store.close();
    project.close();
  });

  const run = (name: string, args?: Record<string, Json>) => served.run(name, args);
  const failure = async (name: string, args?: Record<string, Json>) => (await served.fail(name, args)).message;

  it('run like the built-in ones, with the defaults of their schema', async () => {
    expect(await run('counted')).toMatchObject({
      published: 4,
      steps: [{ name: 'count', rowsIn: 2, rowsOut: 4, attempts: 1 }],
    });
    expect(await run('counted', { times: 5 })).toMatchObject({ published: 10 });
    expect(await run('fetched')).toMatchObject({ published: 1_805, quality: 'passed' });
    const [last] = await store.runs.list();
    expect(last).toMatchObject({ pipeline: 'fetched', status: 'completed', published: 1_805 });
  });

  it('refuse arguments that do not fit', async () => {
    expect(await failure('counted', { times: 'many' })).toMatch(/argument "times" does not fit/);
    expect(await failure('counted', { tims: 3 })).toMatch(/argument "tims" is unknown to the workflow counted/);
  });

  it('that are refused start nothing that tells of them where nobody is named', async () => {
    const tells = async (name: string): Promise<boolean> => {
      const { handle } = await served.start(name, { times: 'many' });
      await handle.result().catch(() => undefined);
      const { runId } = await handle.describe();
      const child = `${handle.workflowId}/notify-failed/${runId.slice(-12)}`;
      return served.temporal.client.workflow
        .getHandle(child)
        .describe()
        .then(
          () => true,
          () => false,
        );
    };
    expect(await tells('watched')).toBe(true);
    expect(await tells('counted')).toBe(false);
  });

  it('are tried again as the pipeline says, and fail at once when no other attempt can help', async () => {
    const { steps } = await run('counted', { fail: 'once' });
    expect(steps[0]?.attempts).toBeLessThanOrEqual(2);
    expect(await failure('counted', { fail: 'always' })).toBe('not now');
    expect(await failure('counted', { fail: 'data' })).toBe('data/x.csv:3: no such number\n  → correct it');
    const failed = (await store.runs.list())
      .filter(({ status }) => status === 'failed')
      .map(({ steps: all }) => all[0]?.attempts);
    expect(failed).toEqual([1, 2]);
  });

  it('may call functions that are no steps: they fail for good the third time', async () => {
    const { handle } = await served.start('plain');
    expect(await handle.result().then(() => 'completed', failureReason)).toBe('always');
    const { events } = await handle.fetchHistory();
    const started = events?.flatMap(({ activityTaskStartedEventAttributes: a }) => (a == null ? [] : [a.attempt]));
    expect(started).toEqual([1, 3]);
  });

  it('come to the same from their histories', async () => {
    expect((await served.replayHistories()).length).toBeGreaterThan(7);
  });

  it('that a running worker does not know yet say so, and go on when one comes that does', async () => {
    write('workflows/late.ts', 'export async function late() { return "there"; }');
    write(
      'feature_repo/late.ts',
      "import { pipeline } from 'asof';\nexport default pipeline({ name: 'late', workflow: 'late' });",
    );
    const handle = await served.temporal.client.workflow.start('late', {
      taskQueue: `asof-${store.project}`,
      workflowId: 'late',
    });
    const known = (): Promise<string> => hasBegun(handle).then(String, (error: Error) => error.message);
    await expect.poll(known, { timeout: 60_000 }).toBe('the worker that runs does not know the workflow "late"');
    await served.serveAgain();
    expect(await handle.result()).toBe('there');
  });

  it.each([
    [
      'activities/twin.ts',
      'export const count = async () => 1;',
      /activity "count" is exported by activities\/count\.ts and by activities\/twin\.ts/,
    ],
    [
      'activities/mine.js',
      'exports.ingest = async () => 1;',
      /activity "ingest" is exported by asof's activities\/ingest\.\w+ and by activities\/mine\.js/,
    ],
    ['activities/broken.ts', 'export const a = 1;\nexport const b = (;', /^activities\/broken\.ts:2:/],
    [
      'activities/typo.ts',
      "import { stepp } from 'asof/activity';\nexport const a = stepp(async () => 1);",
      /^activities\/typo\.ts:2: asof\/activity exports no "stepp"/,
    ],
    [
      'activities/lost.ts',
      "import x from 'nowhere-to-be-found';\nexport const a = x;",
      /^activities\/lost\.ts:1: .*'nowhere-to-be-found'/,
    ],
  ])('are refused when %s has %s', async (file, source, message) => {
    write(file, source);
    const loading = projectActivities({ store, shutdown: new AbortController().signal });
    const error: unknown = await loading.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    writeFileSync(path.join(project.root, file), '');
    expect(error).toBeInstanceOf(DefinitionError);
    expect((error as Error).message).toMatch(message);
  });
});
