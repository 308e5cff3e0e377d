export { type FileStreamProducerOptions, openFileStreamProducer } from './file-stream-producer.js';
export { type FileStreamSourceOptions, openFileStreamSource } from './file-stream-source.js';
export { type ReplayRequest, replay } from './replay.js';
export type { PartitionRange, PollLimits, StreamProducer, StreamRecord, StreamSource } from './stream-source.js';
