import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import os from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectClient, payloadKeys } from '../../src/temporal/index.js';
import { findTemporalCli } from '../../src/toolchain/index.js';
import { expectRefused, runCli } from '../support/cli.js';
import { type CliProcess, startCliProcess } from '../support/cli-process.js';
import { startTemporal, type TestTemporal } from '../support/temporal.js';

const secret = { ASOF_PAYLOAD_KEY: `k1:${randomBytes(32).toString('base64')}` };
const cwd = os.tmpdir();

/** The command, asked by Temporal's own command line tool. */
describe('asof codec-server', () => {
  let temporal: TestTemporal;
  const servers: CliProcess[] = [];
  beforeAll(async () => {
    temporal = await startTemporal();
    const { address } = temporal;
    const service = { address, namespace: 'default', uiUrl: undefined, connection: { address } };
    const client = await connectClient(service, payloadKeys(secret));
    await client.workflow.start('anything', {
      taskQueue: 'nobody',
      workflowId: 'w',
      args: [{ hidden: 'in the payload' }],
    });
    await client.connection.close();
  });
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop('SIGKILL')));
    await temporal.close();
  });

  /** What Temporal's tool has of the first argument. */
  async function show(...flags: string[]): Promise<string> {
    const cli = await findTemporalCli();
    if (cli === undefined) throw new Error('the Temporal CLI is missing');
    const args = ['workflow', 'show', '-w', 'w', '-o', 'json', '--address', temporal.address, ...flags];
    const { events } = JSON.parse(execFileSync(cli.path, args, { encoding: 'utf8', stdio: 'pipe' })) as {
      events: { workflowExecutionStartedEventAttributes: { input: { payloads: { data: string }[] } } }[];
    };
    const { data = '' } = events[0]?.workflowExecutionStartedEventAttributes.input.payloads[0] ?? {};
    return Buffer.from(data, 'base64').toString();
  }

  it('lets it show what is encrypted, until Ctrl-C', async () => {
    const server = await startCliProcess(['codec-server', '--port', '0'], { cwd, env: secret });
    servers.push(server);
    expect(server.ready).toMatchObject({ url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/), keys: ['k1'] });
    expect(await show()).not.toMatch(/hidden|in the payload/);
    expect(await show('--codec-endpoint', String(server.ready['url']))).toContain('in the payload');
    expect(await show('--codec-endpoint', `${server.ready['url']}/{namespace}`)).toContain('in the payload');
    expect(await server.stop('SIGINT')).toBe(0);
    await expect(fetch(`${server.ready['url']}/decode`, { method: 'POST' })).rejects.toThrow();
  });

  it('on an address that others reach shows it to those with the token', async () => {
    const token = randomBytes(24).toString('hex');
    const env = { ...secret, ASOF_CODEC_TOKEN: token };
    const server = await startCliProcess(['codec-server', '--port', '0', '--host', '0.0.0.0'], { cwd, env });
    servers.push(server);
    const endpoint = ['--codec-endpoint', `http://127.0.0.1:${new URL(String(server.ready['url'])).port}`];
    await expect(show(...endpoint)).rejects.toThrow();
    expect(await show(...endpoint, '--codec-auth', `Bearer ${token}`)).toContain('in the payload');
    expect(await server.stop()).toBe(0);
    expect(server.stderr()).toBe('');
  });

  it('does not start without keys, nor open to everybody', async () => {
    expectRefused(await runCli(['codec-server'], { cwd }), 2, /no key to decrypt with/, /ASOF_PAYLOAD_KEY/);
    expectRefused(
      await runCli(['codec-server', '--host', '0.0.0.0'], { cwd, env: secret }),
      2,
      /everybody/,
      /ASOF_CODEC_TOKEN/,
    );
    expectRefused(
      await runCli(['codec-server', '--ui-origin', 'localhost:8233'], { cwd, env: secret }),
      2,
      /is no origin/,
    );
    expectRefused(
      await runCli(['codec-server', '--port', 'x'], { cwd, env: secret }),
      2,
      /--port "x" is no whole number/,
    );
  });
});
