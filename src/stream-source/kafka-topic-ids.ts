import net, { type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';
import type { Admin, ISocketFactory } from 'kafkajs';
import { DefinitionError } from '../errors.js';
import { type KafkaConnection, kafkaClient, serverNameOf } from './kafka-connection.js';
import { KafkaProtocolError, kafkaError } from './kafka-errors.js';
import { kafka } from './kafka-limits.js';
import { correlationOf, knowsTopicIds, topicAnswer, topicRequest, versionsRequest } from './kafka-metadata.js';

/**
 * Asks a broker for the id of a topic. kafkajs makes the connection (TLS, SASL) and then sends nothing on it: it is ours. Brokers
 * older than 2.8 have no such ids; there a topic's identity is its cluster's, and one made again is found by its offsets alone.
 */
export class KafkaTopicIds {
  readonly #connection: KafkaConnection;
  readonly #where: string;
  #line: Promise<Line> | undefined;
  #asking: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(connection: KafkaConnection) {
    this.#connection = connection;
    this.#where = connection.brokers.join(',');
  }

  /**
   * @param patienceMs how long to try again while no broker answers; 0 fails at once.
   * @throws DefinitionError when there is no such topic.
   */
  ask(topic: string, patienceMs: number): Promise<string> {
    const answer = this.#asking.then(() => this.#ask(topic, patienceMs));
    this.#asking = answer.catch(() => undefined);
    return answer;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#asking;
    await this.#hangUp();
  }

  async #ask(topic: string, patienceMs: number): Promise<string> {
    const until = Date.now() + patienceMs;
    for (;;) {
      // Brokers close connections that were idle for long, and those whose sign-in is too old: those are simply made anew.
      const isNew = this.#line === undefined;
      try {
        this.#line ??= Line.open(this.#connection);
        return await (await this.#line).topicId(topic);
      } catch (error) {
        await this.#hangUp();
        const mapped = kafkaError(error, this.#where, topic);
        const isOver = isNew && Date.now() >= until;
        if (isOver || this.#closed || mapped instanceof DefinitionError) throw mapped;
        if (isNew) await sleep(kafka.retryDelayMs);
      }
    }
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
    const socketFactory: ISocketFactory = ({ host, port, ssl, onConnect }) => {
      socket = ssl
        ? tls.connect({ host, port, ...serverNameOf(host), ...ssl }, onConnect)
        : net.connect({ host, port }, onConnect);
      return socket;
    };
    const client = kafkaClient(connection, { socketFactory, retries: 0 });
    const admin = client.admin();
    try {
      await admin.connect();
    } catch (error) {
      socket?.destroy();
      await admin.disconnect().catch(() => undefined);
      throw error;
    }
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

  async topicId(topic: string): Promise<string> {
    if (!this.#hasIds) return `cluster ${(await this.#admin.describeCluster()).clusterId}`;
    const { errorCode, topicId } = topicAnswer(await this.#request((id) => topicRequest(id, topic)));
    if (errorCode !== 0) throw new KafkaProtocolError(errorCode);
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
      const onClose = (): void =>
        done(Object.assign(new Error('the broker closed the connection'), { name: 'ConnectionClosed' }));
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
