import { openKafkaStreamSource } from '../../src/stream-source/kafka-stream-source.js';

/** A member of a consumer group that reads whatever it is assigned until it is killed, telling its partitions. */
const [broker = '', topic = '', group = ''] = process.argv.slice(2);
const source = await openKafkaStreamSource({ connection: { brokers: [broker] }, topic, group });
for (;;) {
  const { assignment } = source;
  const ranges = await source.partitions();
  process.send?.(ranges.map(({ partition }) => partition));
  await source.seek(new Map(ranges.map(({ partition, start }) => [partition, start])));
  while (source.assignment === assignment) await source.poll({ rowsMax: 100, bytesMax: 1 << 20, waitMs: 200 });
}
