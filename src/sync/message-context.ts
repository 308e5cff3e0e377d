import type { EventContext } from '../definitions/event-context.js';
import type { StreamRecord } from '../stream-source/stream-source.js';

const noHeaders: EventContext['headers'] = Object.freeze({});

/**
 * A record as a transform may ask about it. Key and time are made when they are asked for: most transforms never do. Of a source
 * with rules for personal data, key and headers are withheld: nothing says what is in them.
 */
export class MessageContext implements EventContext {
  readonly #record: StreamRecord;
  readonly #withheld: boolean;

  constructor(record: StreamRecord, withheld = false) {
    this.#record = record;
    this.#withheld = withheld;
  }

  get key(): string | undefined {
    const { key } = this.#record;
    return key === null || this.#withheld
      ? undefined
      : Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('utf8');
  }

  get headers(): EventContext['headers'] {
    return this.#withheld ? noHeaders : (this.#record.headers ?? noHeaders);
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
