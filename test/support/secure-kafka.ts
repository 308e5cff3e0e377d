import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { generate } from 'selfsigned';
import { freePort } from '../../src/toolchain/free-port.js';
import { runProgram } from '../../src/toolchain/run-program.js';
import { ensureKafka } from '../../src/toolchain/services/index.js';
import { startKafka, type TestServer } from './services.js';

export interface SecureKafka {
  readonly broker: TestServer;
  /** `host:port` of each listener. */
  readonly plaintext: string;
  readonly tls: string;
  readonly saslTls: string;
  readonly saslPlaintext: string;
  /** PEM file of the authority that the broker's certificate is of. */
  readonly ca: string;
  /** PEM file of another authority. */
  readonly otherCa: string;
  /** Known to PLAIN. */
  readonly user: { readonly username: string; readonly password: string };
  /** Known to SCRAM-SHA-256 and SCRAM-SHA-512. */
  readonly scramUser: { readonly username: string; readonly password: string };
  close(): Promise<void>;
}

const report = ({ message }: { message: string }): void => console.error(message);
const days = (count: number): Date => new Date(Date.now() + count * 86_400_000);

/** A broker with TLS, SASL and both together, whose certificate is for `localhost` alone. */
export async function startSecureKafka(properties: Readonly<Record<string, string>> = {}): Promise<SecureKafka> {
  const user = { username: 'alice', password: 'alice-secret' };
  const scramUser = { username: 'bob', password: 'bob-secret' };
  const [port, controller, tls, saslTls, saslPlaintext] = (await Promise.all(
    Array.from({ length: 5 }, () => freePort(0)),
  )) as [number, number, number, number, number];
  const [own, other] = await Promise.all([certificateOf('localhost'), certificateOf('localhost')]);
  const oneLine = (pem: string): string => pem.trim().replaceAll(/\r?\n/g, '\\n');
  const listeners = (host: string): string =>
    [
      `PLAINTEXT://${host}:${port}`,
      `SSL://${host}:${tls}`,
      `SASL_SSL://${host}:${saslTls}`,
      `SASL_PLAINTEXT://${host}:${saslPlaintext}`,
    ].join(',');
  const plain = `org.apache.kafka.common.security.plain.PlainLoginModule required user_${user.username}="${user.password}";`;
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
  const mechanisms = Object.fromEntries(
    ['sasl_ssl', 'sasl_plaintext'].flatMap((listener) => [
      [`listener.name.${listener}.plain.sasl.jaas.config`, plain],
      [`listener.name.${listener}.scram-sha-256.sasl.jaas.config`, scram],
      [`listener.name.${listener}.scram-sha-512.sasl.jaas.config`, scram],
    ]),
  );
  const broker = await startKafka(
    {
      'controller.quorum.voters': `1@127.0.0.1:${controller}`,
      listeners: `${listeners('127.0.0.1')},CONTROLLER://127.0.0.1:${controller}`,
      'advertised.listeners': listeners('localhost'),
      'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
      // PLAIN alone, so that there is a mechanism a listener does not take.
      'listener.name.sasl_plaintext.sasl.enabled.mechanisms': 'PLAIN',
      ...mechanisms,
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.certificate.chain': oneLine(own.cert),
      'ssl.keystore.key': oneLine(own.private),
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.certificates': oneLine(own.cert),
      ...properties,
    },
    port,
  );
  const file = (name: string, pem: string): string => {
    const to = path.join(broker.directory, name);
    writeFileSync(to, pem);
    return to;
  };
  const secure: SecureKafka = {
    broker,
    plaintext: `localhost:${port}`,
    tls: `localhost:${tls}`,
    saslTls: `localhost:${saslTls}`,
    saslPlaintext: `localhost:${saslPlaintext}`,
    ca: file('ca.pem', own.cert),
    otherCa: file('other-ca.pem', other.cert),
    user,
    scramUser,
    close: () => broker.close(),
  };
  try {
    await addScramUser(secure);
  } catch (error) {
    await broker.close();
    throw error;
  }
  return secure;
}

const certificateOf = (host: string) =>
  generate([{ name: 'commonName', value: host }], {
    keySize: 2048,
    notBeforeDate: days(-1),
    notAfterDate: days(7),
    extensions: [
      { name: 'basicConstraints', cA: true },
      { name: 'subjectAltName', altNames: [{ type: 2, value: host }] },
    ],
  });

/** SCRAM's users are in the cluster's metadata: Kafka's own tool puts one there. */
async function addScramUser({ plaintext, scramUser: { username, password } }: SecureKafka): Promise<void> {
  // One of them at a time: the tool refuses both in one request.
  for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-512']) {
    const add = ['--alter', '--add-config', `${mechanism}=[password=${password}]`];
    const of = ['--entity-type', 'users', '--entity-name', username];
    await kafkaTool('kafka.admin.ConfigCommand', ['--bootstrap-server', plaintext, ...add, ...of]);
  }
}

/** Runs one of the command line tools in Kafka's jars to its end. */
export async function kafkaTool(main: string, args: readonly string[]): Promise<void> {
  const { java, libs } = await ensureKafka({ report });
  const jvm = ['-Xmx128m', '-XX:TieredStopAtLevel=1', '-cp', path.join(libs, '*'), main];
  const { ok, problem } = await runProgram(java, [...jvm, ...args], { timeoutMs: 60_000 });
  if (!ok) throw new Error(`${main} failed: ${problem}`);
}
