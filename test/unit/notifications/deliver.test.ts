import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { env, pipeline, slack, webhook } from '../../../src/definitions/index.js';
import { deliver, type Notice, type Posted, type RunEventName } from '../../../src/notifications/index.js';
import { type Receiver, startReceiver } from '../../support/receiver.js';

const told = pipeline({
  name: 'nightly',
  workflow: 'nightly',
  onFailure: [
    webhook({ url: env('HOOK_URL'), secret: env('HOOK_SECRET') }),
    slack(env('SLACK_URL')),
    webhook({ url: env('HOOK_URL') }),
  ],
});
const notice: Notice = {
  event: 'failed',
  project: 'p',
  pipeline: 'nightly',
  runId: 'run-1',
  workflowId: 'p/nightly/1',
  message: 'it broke',
  owner: undefined,
  tags: [],
  at: '2026-11-25T00:00:00.000Z',
  url: undefined,
  test: false,
};

describe('a message to a real receiver', () => {
  let receiver: Receiver;
  beforeAll(async () => {
    receiver = await startReceiver();
  });
  afterAll(() => receiver.close());

  /** @param url what the variables of the definition hold. */
  const send = (
    url: string,
    {
      index = 1,
      event = 'failed' as RunEventName,
      secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      runId = 'run-1',
      timeoutMs = 10_000,
    } = {},
  ): Promise<Posted> =>
    deliver({
      pipeline: told,
      target: { event, index },
      notice: { ...notice, runId },
      environment: { HOOK_URL: url, SLACK_URL: url, HOOK_SECRET: secret },
      timeoutMs,
    });
  const at = (path: string): string => `${receiver.url}${path}`;
  const errorOf = (posted: Posted) => {
    if (posted.delivered) throw new Error('it was delivered');
    return { type: posted.error.name, message: posted.error.message, retryAfterMs: posted.retryAfterMs };
  };

  it('is signed so that a receiver can compute the same from what it gets', async () => {
    expect(await send(at('/signed'), { index: 0 })).toEqual({
      delivered: true,
      status: 200,
      host: new URL(receiver.url).host,
    });
    const [got] = receiver.at('/signed');
    if (got === undefined) throw new Error('nothing came');
    const { 'webhook-id': id, 'webhook-timestamp': sentAt } = got.headers;
    const key = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64');
    const mac = createHmac('sha256', key).update(`${id}.${sentAt}.${got.body}`).digest('base64');
    expect(got).toMatchObject({
      method: 'POST',
      headers: { 'content-type': 'application/json', 'webhook-signature': `v1,${mac}` },
    });
    expect(Math.abs(Number(sentAt) - Date.now() / 1_000)).toBeLessThan(60);
    expect(JSON.parse(got.body)).toMatchObject({ type: 'run.failed', data: { message: 'it broke' } });
  });

  it('has one id however often it is sent, and another for each receiver and run', async () => {
    for (const index of [0, 0, 2]) await send(at('/ids'), { index });
    await send(at('/ids'), { index: 0, runId: 'run-2' });
    const ids = receiver.at('/ids').map(({ headers }) => headers['webhook-id']);
    expect(ids[1]).toBe(ids[0]);
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^msg_[A-Za-z0-9]{20,27}$/);
    expect(receiver.at('/ids')[2]?.headers).not.toHaveProperty('webhook-signature');
  });

  it('goes to Slack as Slack takes it, without headers of webhooks', async () => {
    await send(at('/slack'));
    const [got] = receiver.at('/slack');
    expect(got?.headers).not.toHaveProperty('webhook-id');
    expect(JSON.parse(got?.body ?? '')).toMatchObject({ text: expect.stringContaining('nightly failed') });
  });

  it.each([408, 425, 429, 500, 502, 503])('is tried again after %d', async (status) => {
    receiver.answer('/busy', status);
    expect(errorOf(await send(at('/busy')))).toMatchObject({
      type: 'StoreUnavailableError',
      message: expect.stringMatching(
        new RegExp(`^pipeline "nightly", onFailure\\[1\\] \\(slack\\): 127.0.0.1:\\d+ answered ${status}$`),
      ),
    });
  });

  it.each([400, 401, 403, 404, 410, 413, 422])('is not tried again after %d', async (status) => {
    receiver.answer('/no', status);
    expect(errorOf(await send(at('/no')))).toMatchObject({ type: 'DefinitionError' });
  });

  it.each([
    ['7', 7_000],
    ['0', 1_000],
    ['999999', 3_600_000],
    [new Date(Date.now() - 5_000).toUTCString(), 1_000],
    [new Date(Date.now() + 10 ** 9).toUTCString(), 3_600_000],
    ['soon', undefined],
  ])('waits as long as it is asked to (Retry-After: %s), within reason', async (header, expected) => {
    receiver.answer('/later', (response) => response.writeHead(429, { 'retry-after': header }).end());
    expect(errorOf(await send(at('/later'))).retryAfterMs).toBe(expected);
  });

  it.each([301, 302, 307, 308])('follows no redirect (%d), and does not say where it leads', async (status) => {
    receiver.answer('/moved', (response) => response.writeHead(status, { location: at('/hidden') }).end());
    const { type, message } = errorOf(await send(at('/moved')));
    expect(type).toBe('DefinitionError');
    expect(message).not.toContain('hidden');
    expect(receiver.at('/hidden')).toEqual([]);
  });

  it('is given up when the answer does not come, nor its end', async () => {
    receiver.answer('/hangs', () => undefined);
    expect(errorOf(await send(at('/hangs'), { timeoutMs: 300 }))).toMatchObject({
      type: 'StoreUnavailableError',
      message: expect.stringContaining('did not answer within 0.3 s'),
    });
    receiver.answer('/trickles', (response) => void response.writeHead(500).write('<html>'));
    expect(errorOf(await send(at('/trickles'), { timeoutMs: 300 }))).toMatchObject({ type: 'StoreUnavailableError' });
    receiver.answer('/endless', (response) => {
      response.writeHead(400);
      const more = (): void =>
        void (response.destroyed || response.write('x'.repeat(65_536), () => setImmediate(more)));
      more();
    });
    expect(errorOf(await send(at('/endless')))).toMatchObject({ type: 'DefinitionError' });
    receiver.answer('/broken', (response) => void response.destroy());
    expect(errorOf(await send(at('/broken')))).toMatchObject({ type: 'StoreUnavailableError' });
  });

  it('shows the one word by which Slack says why, and nothing else of an answer', async () => {
    receiver.answer('/why', (response) => response.writeHead(400).end('invalid_blocks'));
    expect(errorOf(await send(at('/why'))).message).toMatch(/answered 400 \(invalid_blocks\)$/);
    receiver.answer('/echo_of_path', (response) => response.writeHead(404).end('echo_of_path'));
    expect(errorOf(await send(at('/echo_of_path'))).message).toMatch(/answered 404$/);
    receiver.answer('/page', (response) => response.writeHead(404).end('Cannot POST /page'));
    expect(errorOf(await send(at('/page'))).message).toMatch(/answered 404$/);
  });

  it('is sent with the user and password of an address, which no error shows', async () => {
    const address = at('/user').replace('//', '//me:se%20cr%C3%A9t@');
    await send(address);
    const { authorization = '' } = receiver.at('/user')[0]?.headers ?? {};
    expect(Buffer.from(authorization.replace('Basic ', ''), 'base64').toString('utf8')).toBe('me:se crét');
    receiver.answer('/user', 403);
    expect(errorOf(await send(address)).message).not.toMatch(/me:|cr/);
  });

  it.each([
    ['not a url/T0/secret', 'its address is no URL'],
    ['ftp://example.com/secret', 'its address begins with ftp:'],
    ['file:///etc/secret', 'its address begins with file:'],
    ['http://127.0.0.1:25/secret', "127.0.0.1:25 can't be reached: its port is never used for HTTP"],
  ])('is refused for the address %s, which is not shown', async (address, what) => {
    const { type, message } = errorOf(await send(address));
    expect({ type, message }).toEqual({ type: 'DefinitionError', message: expect.stringContaining(what) });
    expect(message).not.toContain('secret');
  });

  it('is tried again when nobody is there', async () => {
    const gone = await startReceiver();
    await gone.close();
    const { type, message } = errorOf(await send(`${gone.url}/services/T0/secret`));
    expect(type).toBe('StoreUnavailableError');
    expect(message).toMatch(/: 127\.0\.0\.1:\d+ can't be reached: ECONNREFUSED$/);
  });

  it('is refused when a variable is not set, a secret is none, or the definition has no such receiver', async () => {
    expect(errorOf(await send(''))).toMatchObject({
      type: 'DefinitionError',
      message: 'pipeline "nightly": onFailure[1].url is to be read from SLACK_URL, which is not set',
    });
    expect(errorOf(await send(at('/x'), { index: 0, secret: '' })).message).toMatch(/HOOK_SECRET, which is not set/);
    expect(errorOf(await send(at('/x'), { index: 0, secret: 'whsec_?' })).message).toMatch(/is no base64/);
    expect(errorOf(await send(at('/x'), { index: 7 })).message).toMatch(/onFailure\[7\] is no longer there/);
    expect(receiver.at('/x')).toEqual([]);
  });
});
