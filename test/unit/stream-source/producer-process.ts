import { openFileStreamProducer } from '../../../src/stream-source/file-stream-producer.js';

const [directory = '', name = ''] = process.argv.slice(2);
const producer = await openFileStreamProducer({ directory, topic: 'drivers' });
for (let batch = 0; ; batch += 1) {
  const filler = 'x'.repeat(500);
  await producer.send(
    Array.from({ length: 50 }, (_, i) => ({ key: name, value: JSON.stringify({ p: name, batch, i, filler }) })),
  );
  process.send?.(batch);
}
