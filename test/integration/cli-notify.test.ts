import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRefused, runCli, type SampleProject, sampleProject } from '../support/cli.js';
import { type Receiver, startReceiver } from '../support/receiver.js';

const definitions = `
import { env, pipeline, slack, webhook } from 'asof';
export const told = pipeline({ name: 'told', workflow: 'dbToOfflineStore', args: { views: ['driver_stats'] }, owner: 'me',
  onFailure: [webhook({ url: env('TRY_HOOK'), secret: env('TRY_SECRET') }), slack(env('TRY_SLACK'))],
  deadline: { within: '1 hour', notify: [slack(env('TRY_SLACK'))] } });
`;

describe('asof notify test', () => {
  let project: SampleProject;
  let receiver: Receiver;
  beforeAll(async () => {
    receiver = await startReceiver();
    project = sampleProject();
    project.write('feature_repo/told.ts', definitions);
  });
  afterAll(async () => {
    await receiver.close();
    project.close();
  });

  const notify = (args: string[], env: Record<string, string> = {}) =>
    runCli(['notify', 'test', ...args], {
      cwd: project.root,
      env: { TRY_HOOK: `${receiver.url}/hook`, TRY_SECRET: 'x', TRY_SLACK: `${receiver.url}/TOKEN`, ...env },
    });

  it('sends what is marked as a test to everybody, and says who was told', async () => {
    const { code, stdout, stderr } = await notify(['told']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const target of [
      'onFailure[0], webhook TRY_HOOK',
      'onFailure[1], slack TRY_SLACK',
      'deadline.notify[0], slack',
    ])
      expect(stdout).toContain(target);
    expect(stdout.match(/told \(200\)/g)).toHaveLength(3);
    expect(receiver.at('/hook').map(({ body }) => JSON.parse(body) as unknown)).toMatchObject([
      { type: 'run.failed', data: { test: true, pipeline: 'told', owner: 'me' } },
    ]);
    expect(receiver.at('/TOKEN').map(({ body }) => (JSON.parse(body) as { text: string }).text)).toEqual([
      expect.stringMatching(/^Test: told failed/),
      expect.stringMatching(/^Test: told missed its deadline/),
    ]);
  });

  it('ends with 4 when one can not be reached, with 2 when a setting is missing, and tells the others', async () => {
    const gone = await startReceiver();
    await gone.close();
    const before = receiver.at('/hook').length;
    const away = await notify(['told', '--event', 'failed', '--json'], { TRY_SLACK: `${gone.url}/TOKEN` });
    expect(away.code).toBe(4);
    expect(away.json()).toMatchObject({
      pipeline: 'told',
      told: [
        { event: 'failed', delivered: true, status: 200 },
        { delivered: false, error: { type: 'StoreUnavailableError', message: expect.stringMatching(/ECONNREFUSED$/) } },
      ],
    });
    const unset = await notify(['told'], { TRY_SLACK: '' });
    expect(unset.code).toBe(2);
    expect(unset.stderr).toMatch(
      /onFailure\[1\]\.url is to be read from TRY_SLACK, which is not set\n {2}→ export TRY_SLACK/,
    );
    expect(receiver.at('/hook')).toHaveLength(before + 2);
    expect(JSON.stringify([away, unset])).not.toContain('TOKEN');
  });

  it('refuses what it can not do', async () => {
    expectRefused(
      await notify(['told', '--event', 'done']),
      2,
      /"done" is unknown\n.*failed, succeeded, deadline_missed/,
    );
    expectRefused(await notify(['told', '--event', 'succeeded']), 2, /"told" tells nobody of succeeded/);
  });
});
