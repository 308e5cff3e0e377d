export { type ValueChecker, valueChecker } from './column-values.js';
export { Refusal } from './event-fields.js';
export { type DecodedEvent, type EventDecoder, type EventRecord, eventDecoder, objectDecoder } from './event-schema.js';
export { type RowBuilder, type RowOrigin, type RowView, rowBuilder } from './event-to-row.js';
export { fromMicroseconds, MicrosecondDate, parseMoment, toMicroseconds } from './moment.js';
export { type TransformFileRequest, type TransformFileResult, transformFile } from './transform-batch.js';
