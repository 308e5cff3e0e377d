import { randomBytes } from 'node:crypto';
import http from 'node:http';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CodecServer, type CodecServerOptions, startCodecServer } from '../../../src/temporal/codec-server.js';
import { EncryptionCodec } from '../../../src/temporal/encryption-codec.js';
import { payloadKeys } from '../../../src/temporal/payload-keys.js';

const payloadOf = (value: unknown): Payload => defaultPayloadConverter.toPayload(value);

const keys = payloadKeys({ ASOF_PAYLOAD_KEY: `k1:${randomBytes(32).toString('base64')}` });
const strangersKeys = payloadKeys({ ASOF_PAYLOAD_KEY: `k2:${randomBytes(32).toString('base64')}` });
const ui = 'http://localhost:8233';
const token = 'a token of some length';

const asJson = ({ metadata, data }: Payload) => ({
  metadata: Object.fromEntries(
    Object.entries(metadata ?? {}).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  ),
  data: Buffer.from(data ?? []).toString('base64'),
});

/** Plain HTTP, whatever a browser would not let a page send. */
function ask(
  url: string,
  { method = 'POST', headers = {}, body = '' }: { method?: string; headers?: object; body?: unknown },
) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return new Promise<{ status: number; headers: http.IncomingHttpHeaders; text: string }>((resolve, reject) => {
    const request = http.request(
      url,
      { method, headers: { 'content-type': 'application/json', ...headers } },
      (response) => {
        let said = '';
        response.on('data', (data: Buffer) => (said += data.toString()));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text: said }));
      },
    );
    request.on('error', reject);
    request.end(text);
  });
}

describe('the codec server', () => {
  let server: CodecServer;
  let guarded: CodecServer;
  let encrypted: Payload[];
  const options: CodecServerOptions = { host: '127.0.0.1', port: 0, uiOrigins: [ui], keys };

  beforeAll(async () => {
    server = await startCodecServer(options);
    guarded = await startCodecServer({ ...options, host: '0.0.0.0', token });
    encrypted = await new EncryptionCodec(keys).encode([payloadOf({ view: 'driver_stats' }), payloadOf(2)]);
  });
  afterAll(async () => {
    await server.close();
    await guarded.close();
  });

  it('decodes in the order given, and lets pass what is not encrypted', async () => {
    const open = {
      metadata: { encoding: Buffer.from('json/plain').toString('base64') },
      data: Buffer.from('3').toString('base64'),
    };
    const { status, text } = await ask(`${server.url}/decode`, {
      headers: { 'x-namespace': 'default' },
      body: { payloads: [...encrypted.map(asJson), open] },
    });
    expect(status).toBe(200);
    const { payloads } = JSON.parse(text) as { payloads: { data: string; metadata: Record<string, string> }[] };
    expect(payloads.map(({ data }) => Buffer.from(data, 'base64').toString())).toEqual([
      '{"view":"driver_stats"}',
      '2',
      '3',
    ]);
    expect(payloads[0]?.metadata).toEqual(open.metadata);
  });

  it('encodes what a worker can decode, also below a namespace', async () => {
    const { text } = await ask(`${server.url}/default/encode`, {
      body: { payloads: [asJson(payloadOf('x'))] },
    });
    const { payloads } = JSON.parse(text) as { payloads: { data: string; metadata: Record<string, string> }[] };
    const back = await new EncryptionCodec(keys).decode(
      payloads.map(({ metadata, data }) => ({
        metadata: Object.fromEntries(
          Object.entries(metadata).map(([key, value]) => [key, Buffer.from(value, 'base64')]),
        ),
        data: Buffer.from(data, 'base64'),
      })),
    );
    expect(String(back[0]?.data)).toBe('"x"');
  });

  it('lets pages of the given Web UI ask, and no others', async () => {
    const preflight = {
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type,x-namespace',
    };
    const allowed = await ask(`${server.url}/decode`, { method: 'OPTIONS', headers: { origin: ui, ...preflight } });
    expect(allowed).toMatchObject({ status: 204, headers: { 'access-control-allow-origin': ui } });
    expect(allowed.headers['access-control-allow-headers']).toContain('x-namespace');
    const asked = await ask(`${server.url}/decode`, { headers: { origin: ui }, body: { payloads: [] } });
    expect(asked).toMatchObject({ status: 200, headers: { 'access-control-allow-origin': ui } });

    const other = 'https://elsewhere.example';
    const refused = await ask(`${server.url}/decode`, { method: 'OPTIONS', headers: { origin: other, ...preflight } });
    expect(refused.headers['access-control-allow-origin']).not.toBe(other);
    const posted = await ask(`${server.url}/decode`, {
      headers: { origin: other },
      body: { payloads: [asJson(encrypted[0] as Payload)] },
    });
    expect(posted.status).toBe(403);
    expect(posted.text).not.toContain('driver_stats');
    expect(posted.text).toContain(`--ui-origin ${other}`);
  });

  it('is not tricked by a name that points to this machine', async () => {
    const refused = await ask(`${server.url}/decode`, {
      headers: { host: 'elsewhere.example:80' },
      body: { payloads: [] },
    });
    expect(refused).toMatchObject({ status: 403, text: expect.stringContaining('127.0.0.1') });
    const named = await ask(`${server.url}/decode`, { headers: { host: 'localhost:1' }, body: { payloads: [] } });
    expect(named.status).toBe(200);
  });

  it('wants the token when it has one, also from this machine', async () => {
    const url = `${guarded.url.replace('0.0.0.0', '127.0.0.1')}/decode`;
    const body = { payloads: encrypted.map(asJson) };
    for (const authorization of [undefined, token, 'Bearer ', `Bearer ${token.slice(0, -1)}`, `Bearer ${token}x`]) {
      const refused = await ask(url, { headers: authorization === undefined ? {} : { authorization }, body });
      expect(refused.status).toBe(401);
      expect(refused.text).not.toMatch(/driver_stats|of some length/);
    }
    expect((await ask(url, { headers: { authorization: `Bearer ${token}` }, body })).status).toBe(200);
    // What a browser asks before it may send the token.
    const preflight = { origin: ui, 'access-control-request-method': 'POST' };
    expect((await ask(url, { method: 'OPTIONS', headers: preflight })).status).toBe(204);
  });

  it('says what is wrong with a request, never where in its code', async () => {
    const strangers = await new EncryptionCodec(strangersKeys).encode([payloadOf(1)]);
    const bad: [unknown, number, RegExp][] = [
      ['no json', 400, /JSON/],
      ['{}', 400, /payloads/],
      [{ payloads: 3 }, 400, /payloads/],
      [{ payloads: [{ metadata: { encoding: 3 }, data: { a: 1 } }] }, 400, /payloads/],
      [{ payloads: strangers.map(asJson) }, 400, /key \\"k2\\".*ASOF_PAYLOAD_OLD_KEYS/],
      [{ payloads: [{ ...asJson(encrypted[0] as Payload), data: 'AAAA' }] }, 400, /cut short/],
      ['x'.repeat(9 * 1024 * 1024), 413, /large/],
    ];
    for (const [body, status, message] of bad) {
      const answer = await ask(`${server.url}/decode`, { body }).catch(() => undefined);
      // A body that is far too large may be cut off before it is read.
      if (answer === undefined && status === 413) continue;
      expect(answer?.status).toBe(status);
      expect(answer?.text).toMatch(message);
      expect(answer?.text).not.toMatch(/\.[jt]s:\d+|node_modules/);
    }
    expect((await ask(`${server.url}/nope`, { body: {} })).status).toBe(404);
    expect((await ask(`${server.url}/decode`, { method: 'GET' })).status).toBe(404);
  });

  it('does not start where payloads would be open to everybody, or with settings that make no sense', async () => {
    const refused = (changes: Partial<CodecServerOptions>) => startCodecServer({ ...options, ...changes });
    await expect(refused({ host: '0.0.0.0' })).rejects.toMatchObject({
      message: /everybody/,
      mend: /ASOF_CODEC_TOKEN/,
    });
    await expect(refused({ host: '::' })).rejects.toThrow(/everybody/);
    await expect(refused({ token: 'short' })).rejects.toMatchObject({ message: /fewer than 16/ });
    await expect(refused({ keys: payloadKeys({}) })).rejects.toMatchObject({ mend: /ASOF_PAYLOAD_KEY/ });
    await expect(refused({ uiOrigins: ['*'] })).rejects.toThrow(/"\*" is no origin/);
    await expect(refused({ uiOrigins: [`${ui}/`] })).rejects.toThrow(/is no origin/);
    await expect(refused({ port: Number(new URL(server.url).port) })).rejects.toMatchObject({
      message: /can't listen.*EADDRINUSE/,
    });
    await expect(refused({ host: '192.0.2.1', token })).rejects.toMatchObject({
      name: 'DefinitionError',
      message: /can't listen/,
    });
  });
});
