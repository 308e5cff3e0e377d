import net, { type Socket } from 'node:net';
import tls from 'node:tls';
import type { Admin } from 'kafkajs';
import { type KafkaConnection, kafkaClient, serverNameOf } from './kafka-connection.js';
import { kafkaError, noTopic } from './kafka-errors.js';
import { kafka } from './kafka-limits.js';
import { correlationOf, knowsTopicIds, topicAnswer, topicRequest, versionsRequest } from './kafka-metadata.js';

const unknownTopic = 3;

/**
 * Asks a broker for the id of a topic. kafkajs makes the connection (TLS, SASL) and then sends nothing on it: it is ours. Brokers
 * older than 2.8 have no such ids; there a topic's identity is its cluster's, and one made again is found by its offsets alone.
 */
export class KafkaTopicIds {
  readonly #connection: KafkaConnection;
  readonly #where: string;
  #line: Promise<Line> | undefined;
  #asking: Promise<unknown> = Promise.resolve();

  constructor(connection: KafkaConnection) {
    this.#connection = connection;
    this.#where = connection.brokers.join(',');
  }

  /** @throws DefinitionError when there is no such topic. */
  ask(topic: string): Promise<string> {
    const answer = this.#asking.then(() => this.#ask(topic));
    this.#asking = answer.catch(() => undefined);
    return answer;
  }

  async close(): Promise<void> {
    await this.#asking;
    await this.#hangUp();
  }

  async #ask(topic: string): Promise<string> {
    // Twice: brokers close connections that were idle for long, and those whose sign-in is too old.
    for (let attempt = 1; ; attempt += 1) {
      try {
        const line = await this.#open();
        return await line.topicId(topic, this.#where);
      } catch (error) {
        await this.#hangUp();
        const mapped = kafkaError(error, this.#where, topic);
        if (attempt === 2 || mapped.name === 'DefinitionError') throw mapped;
      }
    }
  }

  async #open(): Promise<Line> {
    this.#line ??= Line.open(this.#connection);
    return this.#line;
  }

  async #hangUp(): Promise<void> {
    const line = this.#line;
    this.#line = undefined;
    await line?.then((open) => open.close()).catch(() => undefined);
  }
}

/** A connection that is signed in, one request at a time. */
class Line {
  readonly #socket: Socket;
  readonly #admin: Admin;
  #correlationId = 0;
  #hasIds = false;

  private constructor(socket: Socket, admin: Admin) {
    this.#socket = socket;
    this.#admin = admin;
  }

  static async open(connection: KafkaConnection): Promise<Line> {
    let socket: Socket | undefined;
    const client = kafkaClient(connection, 'asof-topic-ids', ({ host, port, ssl, onConnect }) => {
      socket = ssl
        ? tls.connect({ host, port, ...serverNameOf(host), ...(ssl as object) }, onConnect)
        : net.connect({ host, port }, onConnect);
      return socket;
    });
    const admin = client.admin();
    await admin.connect();
    if (socket === undefined) throw new Error('no connection was made');
    const line = new Line(socket, admin);
    try {
      const listeners = socket.listeners('data') as ((data: Buffer) => void)[];
      socket.removeAllListeners('data');
      line.#hasIds = knowsTopicIds(await line.#request(versionsRequest));
      // Without ids the connection stays kafkajs' own.
      if (!line.#hasIds) for (const listener of listeners) socket.on('data', listener);
      return line;
    } catch (error) {
      await line.close();
      throw error;
    }
  }

  async topicId(topic: string, where: string): Promise<string> {
    if (!this.#hasIds) return `cluster ${(await this.#admin.describeCluster()).clusterId}`;
    const { errorCode, topicId } = topicAnswer(await this.#request((id) => topicRequest(id, topic)));
    if (errorCode === unknownTopic) throw noTopic(topic, where);
    if (errorCode !== 0) throw new Error(`the broker answers with error ${errorCode}`);
    return topicId;
  }

  async close(): Promise<void> {
    this.#socket.destroy();
    await this.#admin.disconnect().catch(() => undefined);
  }

  #request(make: (correlationId: number) => Buffer): Promise<Buffer> {
    const socket = this.#socket;
    this.#correlationId += 1;
    const correlationId = this.#correlationId;
    return new Promise((resolve, reject) => {
      let received = Buffer.alloc(0);
      const timer = setTimeout(() => done(new Error('the broker does not answer')), kafka.requestTimeoutMs);
      const done = (outcome: Error | Buffer): void => {
        clearTimeout(timer);
        socket.off('data', onData).off('error', done).off('close', onClose);
        if (outcome instanceof Error) reject(outcome);
        else if (correlationOf(outcome) !== correlationId) reject(new Error('the broker answers out of order'));
        else resolve(outcome);
      };
      const onClose = (): void => done(new Error('the broker closed the connection'));
      const onData = (bytes: Buffer): void => {
        received = Buffer.concat([received, bytes]);
        if (received.length < 4 || received.length < received.readInt32BE(0) + 4) return;
        done(received.subarray(4, received.readInt32BE(0) + 4));
      };
      if (socket.destroyed) return onClose();
      socket.on('data', onData).once('error', done).once('close', onClose);
      socket.write(make(correlationId));
    });
  }
}
