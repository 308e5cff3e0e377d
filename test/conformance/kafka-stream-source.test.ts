import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe } from 'vitest';
import { kafkaClient } from '../../src/stream-source/kafka-connection.js';
import { openKafkaStreamProducer } from '../../src/stream-source/kafka-stream-producer.js';
import { openKafkaStreamSource } from '../../src/stream-source/kafka-stream-source.js';
import { lacks, startKafka, type TestServer } from '../support/services.js';
import { streamSourceConformance } from './stream-source.js';

describe.skipIf(lacks('kafka'))('with a broker', { timeout: 60_000 }, () => {
  let broker: TestServer;
  beforeAll(async () => {
    // Room for an event that is larger than what asof takes.
    broker = await startKafka({ 'message.max.bytes': '8388608', 'replica.fetch.max.bytes': '8388608' });
  }, 120_000);
  afterAll(() => broker?.close());

  streamSourceConformance('the Kafka stream source', async () => {
    const connection = { brokers: [`127.0.0.1:${broker.port}`] };
    const place = randomUUID();
    const named = (topic: string): string => `${place}.${topic}`;
    const made = new Set<string>();
    return {
      openSource: (topic, partitions) =>
        openKafkaStreamSource({ connection, topic: named(topic), partitions, group: `${place}.${randomUUID()}` }),
      // The suite means one partition where it says nothing.
      openProducer: (topic, partitions) => {
        const count = partitions ?? (made.has(topic) ? undefined : 1);
        made.add(topic);
        return openKafkaStreamProducer({ connection, topic: named(topic), partitions: count });
      },
      deleteTopic: async (topic) => {
        const admin = kafkaClient(connection).admin();
        await admin.connect();
        await admin.deleteTopics({ topics: [named(topic)] });
        await admin.disconnect();
        made.delete(topic);
      },
      close: async () => undefined,
    };
  });
});
