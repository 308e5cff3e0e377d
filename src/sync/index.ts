export type { Cursor } from './cursor.js';
export { type MaterializeProgress, type MaterializeResult, materializeView } from './materialize.js';
export type { MaterializeMode } from './materialize-plan.js';
export { type PushResult, pushRows } from './push.js';
export type { Stores } from './stores.js';
export { consumeStream } from './stream-consumer.js';
export type { SliceReport } from './stream-slice.js';
