import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AsofError } from '../../src/index.js';
import { configuredTemporal, connectClient, registerSearchAttributes } from '../../src/temporal/index.js';
import { connectNative } from '../../src/temporal/native-connection.js';
import { checkSearchAttributes } from '../../src/temporal/search-attributes.js';
import { startTemporal, type TestTemporal } from '../support/temporal.js';
import {
  type Certificates,
  certificatesFor,
  type Gate,
  type GateOptions,
  startGate,
} from '../support/temporal-gate.js';

const apiKey = 'a-secret-key-of-the-service';

/** The standard variables of Temporal's tools, against a server that has TLS, client certificates and keys before it. */
describe('a Temporal service that exists', () => {
  let temporal: TestTemporal;
  let ours: Certificates;
  let others: Certificates;
  let folder: string;
  const gates: Gate[] = [];

  beforeAll(async () => {
    temporal = await startTemporal();
    [ours, others] = await Promise.all([certificatesFor('temporal.test'), certificatesFor('localhost')]);
    folder = mkdtempSync(path.join(os.tmpdir(), 'asof-tls-'));
  });
  afterAll(async () => {
    await Promise.all(gates.map((gate) => gate.close()));
    await temporal.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function gate(options: Omit<GateOptions, 'upstream'>): Promise<Gate> {
    const started = await startGate({ upstream: temporal.address, ...options });
    gates.push(started);
    return started;
  }

  function file(name: string, content: string): string {
    writeFileSync(path.join(folder, name), content);
    return path.join(folder, name);
  }

  const tlsOf = (certificates: Certificates) => ({
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: file('ca.pem', certificates.ca),
    TEMPORAL_TLS_SERVER_NAME: 'temporal.test',
  });

  const serviceOf = (env: NodeJS.ProcessEnv) => {
    const service = configuredTemporal({ TEMPORAL_CONFIG_FILE: path.join(folder, 'none.toml'), ...env });
    if (service === undefined) throw new Error('no service');
    return service;
  };

  /** Both kinds of connections, that of clients and that of workers. */
  async function connects(env: NodeJS.ProcessEnv): Promise<void> {
    const service = serviceOf(env);
    const client = await connectClient(service);
    expect(client.options.namespace).toBe(service.namespace);
    await client.connection.close();
    await (await connectNative(service)).close();
  }

  /** Both must be refused, in the same words. */
  async function refused(env: NodeJS.ProcessEnv): Promise<AsofError> {
    const service = serviceOf(env);
    const refusalOf = (work: Promise<unknown>) =>
      work.then(
        () => Promise.reject(new Error('it connected')),
        (error: AsofError) => error,
      );
    const asClient = await refusalOf(connectClient(service));
    const asWorker = await refusalOf(connectNative(service));
    expect(`${asWorker.name}: ${asWorker.message} → ${asWorker.mend}`).toBe(
      `${asClient.name}: ${asClient.message} → ${asClient.mend}`,
    );
    expect(`${asClient.message} ${asClient.mend}`).not.toContain(apiKey);
    return asClient;
  }

  it('is reached with TLS under an authority of its own, by another name, with a client certificate and an API key', async () => {
    const { port, seen } = await gate({ tls: { ...ours.server, clientCa: ours.ca }, apiKey });
    await connects({
      TEMPORAL_ADDRESS: `127.0.0.1:${port}`,
      TEMPORAL_API_KEY: apiKey,
      TEMPORAL_GRPC_META_TEAM: 'ranking',
      TEMPORAL_TLS_CLIENT_CERT_PATH: file('client.pem', ours.client.cert),
      TEMPORAL_TLS_CLIENT_KEY_DATA: ours.client.key,
      ...tlsOf(ours),
    });
    expect(seen.get('DescribeNamespace')).toMatchObject({ authorization: `Bearer ${apiKey}`, team: 'ranking' });
    expect(seen.get('GetSystemInfo')).toMatchObject({ authorization: `Bearer ${apiKey}` });
  });

  it('is reached by a profile, whose values the environment overrides', async () => {
    const { port, seen } = await gate({ apiKey });
    const config = file(
      'temporal.toml',
      `[profile.staging]\naddress = "127.0.0.1:${port}"\nnamespace = "nope"\napi_key = "${apiKey}"\n[profile.staging.tls]\ndisabled = true\n`,
    );
    const profile = { TEMPORAL_CONFIG_FILE: config, TEMPORAL_PROFILE: 'staging' };
    await connects({ ...profile, TEMPORAL_NAMESPACE: 'default' });
    expect(seen.get('DescribeNamespace')).toMatchObject({ authorization: `Bearer ${apiKey}` });
    expect(await refused(profile)).toMatchObject({ message: /there is no namespace "nope"/ });
  });

  it('is not taken for another one: namespace, key', async () => {
    const nope = await refused({ TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: 'nope' });
    expect(nope).toMatchObject({
      name: 'DefinitionError',
      message: `Temporal at ${temporal.address}: there is no namespace "nope"`,
      mend: /TEMPORAL_NAMESPACE.*temporal operator namespace create --namespace nope/,
    });
    const { port } = await gate({ tls: ours.server, apiKey: `${apiKey}-the-right-one` });
    const address = { TEMPORAL_ADDRESS: `127.0.0.1:${port}`, ...tlsOf(ours) };
    expect(await refused({ ...address, TEMPORAL_API_KEY: apiKey })).toMatchObject({
      name: 'DefinitionError',
      message: /access was denied \(.*unauthorized: Bearer \*\*\*\)/,
      mend: /the API key is wrong, expired/,
    });
    expect(await refused(address)).toMatchObject({ message: /access was denied/, mend: /no API key was given/ });
  });

  it('that is not there is told by what is wrong: host, port, address', async () => {
    const none = await new Promise<number>((resolve) => {
      const server = net.createServer().listen(0, '127.0.0.1', () => {
        const { port } = server.address() as net.AddressInfo;
        server.close(() => resolve(port));
      });
    });
    expect(await refused({ TEMPORAL_ADDRESS: 'no-such-host.invalid:7233' })).toMatchObject({
      name: 'StoreUnavailableError',
      message: 'Temporal does not answer at no-such-host.invalid:7233: the host is unknown',
    });
    expect(await refused({ TEMPORAL_ADDRESS: `127.0.0.1:${none}` })).toMatchObject({
      name: 'StoreUnavailableError',
      message: /does not answer at .*: the connection was refused/,
      mend: /asof up/,
    });
    expect(await refused({ TEMPORAL_ADDRESS: `http://127.0.0.1:${none}` })).toMatchObject({
      name: 'DefinitionError',
      mend: /without http/,
    });
  });

  it('whose certificate does not fit is told by what does not: authority, name, TLS or none at all', async () => {
    const { port } = await gate({ tls: ours.server });
    const address = { TEMPORAL_ADDRESS: `127.0.0.1:${port}` };
    const name = { TEMPORAL_TLS_SERVER_NAME: 'temporal.test' };
    expect(await refused({ ...address, ...name, TEMPORAL_TLS: 'true' })).toMatchObject({
      name: 'DefinitionError',
      message: /certificate of the service is not trusted/,
      mend: /TEMPORAL_TLS_SERVER_CA_CERT_PATH/,
    });
    expect(await refused({ ...address, ...tlsOf(others) })).toMatchObject({ message: /not trusted/ });
    expect(await refused({ ...address, ...tlsOf(ours), TEMPORAL_TLS_SERVER_NAME: 'other.test' })).toMatchObject({
      message: /has another name/,
      mend: /TEMPORAL_TLS_SERVER_NAME/,
    });
    expect(await refused(address)).toMatchObject({
      message: /the service speaks TLS, and TLS is off/,
      mend: /TEMPORAL_TLS=true/,
    });
    expect(await refused({ TEMPORAL_ADDRESS: temporal.address, ...tlsOf(ours) })).toMatchObject({
      message: /TLS is on, and the service does not speak it/,
      mend: /TEMPORAL_TLS=false/,
    });
    // A key alone turns TLS on.
    expect(await refused({ TEMPORAL_ADDRESS: temporal.address, TEMPORAL_API_KEY: apiKey })).toMatchObject({
      mend: /leave TEMPORAL_API_KEY out/,
    });
  });

  it('that wants a client certificate says so when there is none, or a strange one', async () => {
    const { port } = await gate({ tls: { ...ours.server, clientCa: ours.ca } });
    const address = { TEMPORAL_ADDRESS: `127.0.0.1:${port}`, ...tlsOf(ours) };
    const wanted = { message: /does not accept the client's certificate/, mend: /TEMPORAL_TLS_CLIENT_CERT_PATH/ };
    expect(await refused(address)).toMatchObject(wanted);
    const strange = {
      TEMPORAL_TLS_CLIENT_CERT_DATA: others.client.cert,
      TEMPORAL_TLS_CLIENT_KEY_DATA: others.client.key,
    };
    expect(await refused({ ...address, ...strange })).toMatchObject(wanted);
  });

  it('is not guessed from half of the settings', () => {
    const address = { TEMPORAL_ADDRESS: 'temporal.test:7233' };
    expect(() => serviceOf({ ...address, TEMPORAL_TLS_CLIENT_CERT_DATA: 'x' })).toThrow(
      /client certificate.*without its key/,
    );
    expect(() => serviceOf({ ...address, TEMPORAL_TLS_CLIENT_KEY_DATA: 'x' })).toThrow(/client key.*without its cert/);
    expect(() => serviceOf({ ...address, TEMPORAL_TLS_SERVER_CA_CERT_PATH: '/none/ca.pem' })).toThrow(
      /\/none\/ca\.pem/,
    );
    expect(() => serviceOf({ ...address, TEMPORAL_PROFILE: 'nope' })).toThrow(/'nope' not found/);
    expect(() => serviceOf({ TEMPORAL_API_KEY: apiKey })).toThrow(/TEMPORAL_API_KEY is set, but no address/);
    expect(() => serviceOf({ TEMPORAL_ADDRESS: '' })).toThrow('no service');
  });

  describe('search attributes', () => {
    it('are registered once, and found from then on', async () => {
      const bare = await startTemporal({ searchAttributes: false });
      try {
        const service = serviceOf({ TEMPORAL_ADDRESS: bare.address });
        const native = await connectNative(service);
        await expect(checkSearchAttributes(native, 'default')).rejects.toMatchObject({
          message: /lacks search attributes: AsofPipeline, AsofInterval, AsofQuality, AsofViews, AsofTags/,
          mend: /asof deploy.*temporal operator search-attribute create --namespace default --name AsofPipeline --type Keyword/,
        });
        const client = await connectClient(service);
        const all = ['AsofPipeline', 'AsofInterval', 'AsofQuality', 'AsofViews', 'AsofTags'];
        expect(await registerSearchAttributes(client)).toEqual({ added: all, found: [] });
        expect(await registerSearchAttributes(client)).toEqual({ added: [], found: all });
        await checkSearchAttributes(native, 'default');
        await native.close();
        await client.connection.close();
      } finally {
        await bare.close();
      }
    });

    it('that this caller may not register are asked for with the command, and found where they are', async () => {
      const bare = await startTemporal({ searchAttributes: false });
      const closed = await startGate({ upstream: bare.address, withoutOperator: true });
      gates.push(closed);
      const service = serviceOf({ TEMPORAL_ADDRESS: `127.0.0.1:${closed.port}` });
      const client = await connectClient(service);
      const native = await connectNative(service);
      try {
        const mend =
          /temporal operator search-attribute create .*--name AsofViews --type KeywordList.*\n.*tcld namespace search-attributes add/;
        await expect(registerSearchAttributes(client)).rejects.toMatchObject({
          name: 'DefinitionError',
          message: /does not let this caller register/,
          mend,
        });
        await expect(checkSearchAttributes(native, 'default')).rejects.toMatchObject({
          message: /lacks search attributes/,
          mend,
        });
        const open = await connectClient(serviceOf({ TEMPORAL_ADDRESS: bare.address }));
        await registerSearchAttributes(open);
        await open.connection.close();
        expect(await registerSearchAttributes(client)).toMatchObject({
          added: [],
          found: expect.arrayContaining(['AsofTags']),
        });
        await checkSearchAttributes(native, 'default');
      } finally {
        await native.close();
        await client.connection.close();
        await bare.close();
      }
    });
  });
});
