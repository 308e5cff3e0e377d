import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { pipeline, slack, webhook } from '../../../src/definitions/index.js';
import { env } from '../../../src/definitions/setting.js';
import { eventsTold, type Notice, notificationTargets } from '../../../src/notifications/index.js';
import { signature } from '../../../src/notifications/signature.js';
import { slackMessage } from '../../../src/notifications/slack-message.js';
import { webhookMessage } from '../../../src/notifications/webhook-message.js';

const failed: Notice = {
  event: 'failed',
  project: 'driver_ranking',
  pipeline: 'db_to_offline_store',
  runId: '0198a6f2-1af5-7000-8000-000000000000',
  workflowId: 'driver_ranking/db_to_offline_store/2026-11-25',
  interval: { start: '2026-11-24T00:00:00.000Z', end: '2026-11-25T00:00:00.000Z' },
  message: 'view driver_stats: conv_rate must be between 0 and 1: 3 of 10 rows\n  → see the report',
  published: 0,
  quality: 'failed',
  reports: { driver_stats: '.asof/reports/x/driver_stats.html' },
  startedAt: '2026-11-25T00:00:01.000Z',
  owner: 'mlops@example.com',
  tags: ['data_pipeline'],
  at: '2026-11-25T00:01:00.000Z',
  url: 'http://127.0.0.1:8233/namespaces/default/workflows/a/b/history',
  test: false,
};

interface SlackBody {
  readonly text: string;
  readonly blocks: {
    type: string;
    text?: { text: string };
    fields?: { text: string }[];
    elements?: { text: string }[];
  }[];
}
const slackBody = (notice: Notice): SlackBody => JSON.parse(slackMessage(notice)) as SlackBody;
const texts = ({ blocks }: SlackBody): string[] =>
  blocks.flatMap(({ text, fields = [], elements = [] }) => [
    ...(text === undefined ? [] : [text.text]),
    ...[...fields, ...elements].map((part) => part.text),
  ]);

describe('the body of a webhook', () => {
  it('says all that is known', () => {
    expect(JSON.parse(webhookMessage(failed))).toEqual({
      type: 'run.failed',
      timestamp: '2026-11-25T00:01:00.000Z',
      data: {
        test: false,
        project: 'driver_ranking',
        pipeline: 'db_to_offline_store',
        runId: failed.runId,
        workflowId: failed.workflowId,
        status: 'failed',
        interval: failed.interval,
        startedAt: failed.startedAt,
        message: failed.message,
        published: 0,
        quality: 'failed',
        reports: failed.reports,
        url: failed.url,
        owner: 'mlops@example.com',
        tags: ['data_pipeline'],
      },
    });
  });

  it('tells the events apart', () => {
    const told = (event: Notice['event']) => {
      const { type, data } = JSON.parse(webhookMessage({ ...failed, event })) as { type: string; data: object };
      return [type, (data as { status: string }).status];
    };
    expect(told('succeeded')).toEqual(['run.succeeded', 'completed']);
    expect(told('deadline_missed')).toEqual(['run.deadline_missed', 'running']);
  });
});

describe('the body of a Slack message', () => {
  it('says all that is known, and what matters as plain text too', () => {
    const body = slackBody(failed);
    expect(body.text).toContain('db_to_offline_store failed (driver_ranking, 2026-11-24 – 2026-11-25)');
    expect(body.text).toContain('conv_rate must be between 0 and 1: 3 of 10 rows');
    expect(body.text).toContain(`<${failed.url}|Open the run>`);
    const said = texts(body).join('\n');
    for (const part of [
      '*db_to_offline_store failed*',
      '2026-11-24 – 2026-11-25',
      'conv_rate must be between',
      '*rows published*\n0',
      '*quality*\nfailed',
      'mlops@example.com',
      'data_pipeline',
      'report of driver_stats: .asof/reports/x/driver_stats.html',
      `run ${failed.runId}`,
    ])
      expect(said).toContain(part);
  });

  it('leaves out what is not known', () => {
    const { project, pipeline: name, runId, workflowId, at, test } = failed;
    const known = { project, pipeline: name, runId, workflowId, at, test, owner: undefined, url: undefined, tags: [] };
    const body = slackBody({ ...known, event: 'succeeded' });
    expect(JSON.stringify(body)).not.toMatch(/undefined|null/);
    expect(body.text).toBe('db_to_offline_store succeeded (driver_ranking)');
    expect(slackBody({ ...known, event: 'succeeded', published: 1805 }).text).toMatch(/\nrows published: 1,805$/);
  });

  it('lets nothing in a message become markup', () => {
    const message = 'a < b && c > d <!channel> <https://evil.example|here> ```end``` more';
    const owner = '<@U123>';
    const body = slackBody({ ...failed, message, owner, pipeline: 'p<x>' });
    const own = `<${failed.url}|Open the run>`;
    for (const text of [body.text, ...texts(body)]) {
      expect(text.replace(own, '')).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/);
    }
    expect(body.text).toContain('a &lt; b &amp;&amp; c &gt; d &lt;!channel&gt;');
    const code = texts(body).find((text) => text.startsWith('```')) ?? '';
    expect(code.match(/```/g)).toHaveLength(2);
  });

  it.each(['x', '<', '&', '😀'])('stays within what Slack takes, for ever so many %s', (character) => {
    const long = character.repeat(20_000);
    const body = slackBody({ ...failed, message: long, owner: long, tags: [long], reports: { v: long } });
    for (const { text, fields = [], elements = [] } of body.blocks) {
      if (text !== undefined) expect(text.text.length).toBeLessThanOrEqual(3_000);
      for (const part of [...fields, ...elements]) expect(part.text.length).toBeLessThanOrEqual(2_100);
      expect(fields.length).toBeLessThanOrEqual(10);
    }
    for (const text of texts(body)) expect(text).not.toMatch(/&(?!amp;|lt;|gt;)/);
    expect(body.text.length).toBeLessThan(1_000);
  });

  it('says that a test is one, and that a stream has no end', () => {
    const interval = { start: '2022-01-01T00:00:00.000Z', end: '9999-12-31T00:00:00.000Z' };
    expect(slackBody({ ...failed, test: true, interval }).text).toMatch(
      /^Test: db_to_offline_store failed \(driver_ranking, from 2022-01-01 on\)/,
    );
    expect(JSON.parse(webhookMessage({ ...failed, test: true }))).toMatchObject({ data: { test: true } });
  });
});

describe('signature', () => {
  it('is the one of the test vector that libraries of Standard Webhooks share', () => {
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    expect(signature('here', secret, 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, '{"test": 2432232314}')).toBe(
      'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    );
  });

  it('takes any other text as it is', () => {
    const own = createHmac('sha256', Buffer.from('häßlich')).update('id.7.{"a":"ü"}').digest('base64');
    expect(signature('here', 'häßlich', 'id', 7, '{"a":"ü"}')).toBe(`v1,${own}`);
  });

  it.each(['whsec_', 'whsec_not base64!', 'whsec_ab=c'])('refuses %s without showing it', (secret) => {
    expect(() => signature('pipeline "p", onFailure[0]', secret, 'id', 7, '{}')).toThrow(
      /^pipeline "p", onFailure\[0\]: the secret begins with whsec_, but what follows is no base64$/,
    );
  });
});

describe('whom a pipeline tells', () => {
  const told = pipeline({
    name: 'p',
    workflow: 'mine',
    onFailure: [slack(env('SLACK_URL')), webhook({ url: 'https://example.com/very/secret/path' })],
    deadline: { within: '2 hours', notify: [slack(env('SLACK_URL'))] },
  });

  it('is named by place, kind and variable, never by address', () => {
    expect(notificationTargets(told, 'failed')).toEqual([
      { event: 'failed', index: 0, label: 'onFailure[0], slack SLACK_URL' },
      { event: 'failed', index: 1, label: 'onFailure[1], webhook' },
    ]);
    expect(notificationTargets(told, 'succeeded')).toEqual([]);
    expect(notificationTargets(told, 'deadline_missed').map(({ label }) => label)).toEqual([
      'deadline.notify[0], slack SLACK_URL',
    ]);
    expect(eventsTold(told)).toEqual(['failed', 'deadline_missed']);
    expect(eventsTold(pipeline({ name: 'q', workflow: 'mine' }))).toEqual([]);
  });
});
