import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { StoreUnavailableError } from '../../errors.js';
import { freePort, loopback } from '../free-port.js';
import { runProgram } from '../run-program.js';
import { toolchain } from '../toolchain-limits.js';
import type { KafkaProgram } from './kafka-libs.js';
import { LocalServer } from './local-server.js';

export interface KafkaBrokerOptions {
  readonly program: KafkaProgram;
  /** Its data, settings and log. */
  readonly directory: string;
  readonly port?: number | undefined;
  /** Settings that are added to or replace those below, e.g. `{ 'message.max.bytes': '2097152' }`. */
  readonly properties?: Readonly<Record<string, string>> | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** A Kafka broker that is its own controller (KRaft), not started yet; its data stays when it is started again. */
export async function kafkaBroker(options: KafkaBrokerOptions): Promise<LocalServer> {
  const { program, directory, properties = {}, env = process.env } = options;
  mkdirSync(directory, { recursive: true });
  const port = options.port ?? (await freePort(0));
  const file = path.join(directory, 'server.properties');
  const settings = { ...defaults(directory, port, await freePort(0)), ...properties };
  writeFileSync(
    file,
    Object.entries(settings)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
  const java = (heap: string, main: string, ...args: string[]): string[] => [
    ...[heap, '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', path.join(program.libs, '*'), main],
    ...args,
  ];
  if (!existsSync(path.join(directory, 'data', 'meta.properties'))) {
    const clusterId = randomBytes(16).toString('base64url');
    const format = java('-Xmx128m', 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', file);
    const formatted = await runProgram(program.java, format, { env, timeoutMs: toolchain.serverStartMaxMs });
    if (!formatted.ok)
      throw new StoreUnavailableError(`Kafka's storage could not be made: ${formatted.problem}`, { where: directory });
  }
  return new LocalServer({
    name: 'Kafka',
    file: program.java,
    args: java('-Xmx512m', 'kafka.Kafka', file),
    env,
    log: path.join(directory, 'kafka.log'),
    port,
    probe: () => answersKafka(port),
  });
}

const defaults = (directory: string, port: number, controllerPort: number): Record<string, string> => ({
  'process.roles': 'broker,controller',
  'node.id': '1',
  'controller.quorum.voters': `1@${loopback}:${controllerPort}`,
  listeners: `PLAINTEXT://${loopback}:${port},CONTROLLER://${loopback}:${controllerPort}`,
  'advertised.listeners': `PLAINTEXT://${loopback}:${port}`,
  'controller.listener.names': 'CONTROLLER',
  'listener.security.protocol.map':
    'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL',
  'log.dirs': path.join(directory, 'data'),
  'offsets.topic.replication.factor': '1',
  'offsets.topic.num.partitions': '4',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'group.initial.rebalance.delay.ms': '0',
  'auto.create.topics.enable': 'false',
  // So that tests can see retention at work within seconds.
  'log.retention.check.interval.ms': '1000',
});

/** An ApiVersions request (key 18, version 0): the one question every broker answers before anything else, also without SASL. */
function answersKafka(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: loopback });
    const fail = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(2_000, () => fail(new Error('it accepts connections but does not answer')));
    socket.once('error', fail);
    socket.once('close', () => reject(new Error('it closed the connection')));
    socket.once('connect', () => {
      const request = Buffer.alloc(14);
      request.writeInt32BE(10, 0);
      request.writeInt16BE(18, 4);
      request.writeInt32BE(1, 8);
      request.writeInt16BE(-1, 12);
      socket.write(request);
    });
    socket.once('data', () => {
      resolve();
      socket.destroy();
    });
  });
}
