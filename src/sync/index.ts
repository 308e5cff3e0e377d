export type { Cursor } from './cursor.js';
export {
  type MaterializeMode,
  type MaterializeProgress,
  type MaterializeResult,
  materializeView,
  type Stores,
} from './materialize.js';
export { type PushResult, pushRows } from './push.js';
export { consumeStream, type SliceReport } from './stream-consumer.js';
