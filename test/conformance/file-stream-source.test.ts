import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openFileStreamProducer, openFileStreamSource } from '../../src/stream-source/index.js';
import { streamSourceConformance } from './stream-source.js';

streamSourceConformance('the file stream source', async () => {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'asof-streams-'));
  return {
    openSource: (topic, partitions) => openFileStreamSource({ directory, topic, partitions }),
    openProducer: (topic, partitions) => openFileStreamProducer({ directory, topic, partitions }),
    deleteTopic: async (topic) => rmSync(path.join(directory, topic), { recursive: true }),
    close: async () => rmSync(directory, { recursive: true, force: true }),
  };
});
