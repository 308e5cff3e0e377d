import { appendFileSync } from 'node:fs';
import path from 'node:path';
import type { StreamFeatureView } from '../../src/definitions/index.js';
import { openFileStreamProducer } from '../../src/stream-source/file-stream-producer.js';
import { openFileStreamSource } from '../../src/stream-source/file-stream-source.js';
import type { KafkaConnection } from '../../src/stream-source/kafka-connection.js';
import type { StreamProducer, StreamSource } from '../../src/stream-source/stream-source.js';
import { consumeStream, type SliceReport, type Stores } from '../../src/sync/index.js';
import type { ConsumeRequest } from '../../src/sync/stream-consumer.js';
import type { TestStore } from './store.js';

/** A topic of its own beside a test's project, and consumers of the view `scores` for it. */
export class TestStream {
  readonly #t: TestStore;
  readonly #partitions: number;
  readonly directory: string;

  constructor(t: TestStore, partitions = 1) {
    this.#t = t;
    this.#partitions = partitions;
    this.directory = path.join(t.root, 'topics');
  }

  /** Events as objects, or as text to be sent as it is; keyed by user. */
  async send(...events: (object | string)[]): Promise<void> {
    const producer = await this.#openProducer();
    try {
      await producer.send(
        events.map((event) => ({
          key: typeof event === 'string' ? null : String((event as { user_id?: unknown }).user_id),
          value: typeof event === 'string' ? event : JSON.stringify(event),
        })),
      );
    } finally {
      await producer.close();
    }
  }

  /** Bytes at the end of a partition, as a producer would never write them. */
  append(bytes: Uint8Array | string, partition = 0): void {
    appendFileSync(path.join(this.directory, 'scores', `${partition}.ndjson`), bytes);
  }

  /** Consumes to the end of the topic, with other stores or a wrapped source where given. */
  async consume(
    options: Partial<Omit<ConsumeRequest, 'source'>> & {
      stores?: Stores;
      source?: (source: StreamSource) => StreamSource;
    } = {},
  ): Promise<SliceReport> {
    const { stores = await this.#t.stores(), source: wrap = (s) => s, ...rest } = options;
    const { view, table } = await this.#t.store.view('scores');
    const source = await this.#openSource();
    try {
      return await consumeStream(stores, {
        view: view as StreamFeatureView,
        table,
        source: wrap(source),
        file: this.#t.file(),
        sliceMs: 0,
        ...rest,
      });
    } finally {
      await source.close();
    }
  }

  /** The brokers of a project on Kafka. */
  get #connection(): KafkaConnection | undefined {
    const brokers = this.#t.engines.environment['ASOF_TEST_KAFKA'];
    return brokers === undefined ? undefined : { brokers: brokers.split(',') };
  }

  async #openProducer(): Promise<StreamProducer> {
    const options = { topic: this.#t.topic, partitions: this.#partitions };
    const connection = this.#connection;
    if (connection === undefined) return openFileStreamProducer({ directory: this.directory, ...options });
    const { openKafkaStreamProducer } = await import('../../src/stream-source/kafka-stream-producer.js');
    return openKafkaStreamProducer({ connection, ...options });
  }

  async #openSource(): Promise<StreamSource> {
    const { topic, project } = this.#t;
    const connection = this.#connection;
    if (connection === undefined) return openFileStreamSource({ directory: this.directory, topic, create: true });
    const { openKafkaStreamSource } = await import('../../src/stream-source/kafka-stream-source.js');
    return openKafkaStreamSource({ connection, topic, group: `asof-${project}-scores` });
  }
}

/** The object with some of its methods replaced. */
export const wrapped = <T extends object>(target: T, methods: Partial<T>): T =>
  new Proxy(target, {
    get: (_, name) => {
      const replaced = (methods as Record<string | symbol, unknown>)[name];
      if (replaced !== undefined) return replaced;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
