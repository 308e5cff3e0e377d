import type { EventContext } from '../definitions/event-context.js';
import type { StreamRecord } from '../stream-source/stream-source.js';

const noHeaders: EventContext['headers'] = Object.freeze({});

/** A record as a transform may ask about it. Key and time are made when they are asked for: most transforms never do. */
export class MessageContext implements EventContext {
  readonly #record: StreamRecord;

  constructor(record: StreamRecord) {
    this.#record = record;
  }

  get key(): string | undefined {
    const { key } = this.#record;
    return key === null ? undefined : Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('utf8');
  }

  get headers(): EventContext['headers'] {
    return this.#record.headers ?? noHeaders;
  }

  get timestamp(): Date | undefined {
    const { timestampMs } = this.#record;
    return timestampMs === undefined ? undefined : new Date(timestampMs);
  }

  get partition(): number {
    return this.#record.partition;
  }

  get offset(): number {
    return this.#record.offset;
  }
}
