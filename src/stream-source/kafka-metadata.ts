/**
 * The one request that kafkajs does not have: which id a topic has (Metadata version 10, of Kafka 2.8). A topic that is deleted and
 * created again has its old name and another id.
 */
const apiVersionsKey = 18;
const metadataKey = 3;
const metadataVersion = 10;

const frame = (body: Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  return Buffer.concat([length, body]);
};

const header = (key: number, version: number, correlationId: number): Buffer => {
  const bytes = Buffer.alloc(10);
  bytes.writeInt16BE(key, 0);
  bytes.writeInt16BE(version, 2);
  bytes.writeInt32BE(correlationId, 4);
  // No client id.
  bytes.writeInt16BE(-1, 8);
  return bytes;
};

/** Asks which versions of which requests the broker has. */
export const versionsRequest = (correlationId: number): Buffer => frame(header(apiVersionsKey, 0, correlationId));

/** Whether the broker can be asked for ids of topics. */
export function knowsTopicIds(response: Buffer): boolean {
  const read = new Reader(response, 4);
  if (read.int16() !== 0) return false;
  for (let left = read.int32(); left > 0; left -= 1) {
    const [key, min, max] = [read.int16(), read.int16(), read.int16()];
    if (key === metadataKey) return min <= metadataVersion && max >= metadataVersion;
  }
  return false;
}

export function topicRequest(correlationId: number, topic: string): Buffer {
  const name = Buffer.from(topic, 'utf8');
  return frame(
    Buffer.concat([
      header(metadataKey, metadataVersion, correlationId),
      // Header's tagged fields; one topic, no id; its name.
      Buffer.from([0, 2]),
      Buffer.alloc(16),
      varint(name.length + 1),
      name,
      // The topic's tagged fields; don't create it; no lists of allowed operations; tagged fields.
      Buffer.from([0, 0, 0, 0, 0]),
    ]),
  );
}

export interface TopicAnswer {
  /** 0 = none. */
  readonly errorCode: number;
  /** Hexadecimal. */
  readonly topicId: string;
}

export function topicAnswer(response: Buffer): TopicAnswer {
  // Correlation id, tagged fields of the header, throttle time.
  const read = new Reader(response, 4);
  read.tags();
  read.int32();
  for (let left = read.varint() - 1; left > 0; left -= 1) {
    read.int32();
    read.text();
    read.int32();
    read.text();
    read.tags();
  }
  read.text();
  read.int32();
  if (read.varint() - 1 < 1) throw new Error('the broker left the topic out of its answer');
  const errorCode = read.int16();
  read.text();
  return { errorCode, topicId: read.bytes(16).toString('hex') };
}

export const correlationOf = (response: Buffer): number => response.readInt32BE(0);

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** Reads an answer from front to back; what lies beyond its end is a RangeError. */
class Reader {
  readonly #buffer: Buffer;
  #at: number;

  constructor(buffer: Buffer, at: number) {
    this.#buffer = buffer;
    this.#at = at;
  }

  int16(): number {
    this.#at += 2;
    return this.#buffer.readInt16BE(this.#at - 2);
  }

  int32(): number {
    this.#at += 4;
    return this.#buffer.readInt32BE(this.#at - 4);
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#buffer.readUInt8(this.#at++);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }

  bytes(length: number): Buffer {
    if (this.#at + length > this.#buffer.length) throw new RangeError('the answer ends too early');
    this.#at += length;
    return this.#buffer.subarray(this.#at - length, this.#at);
  }

  /** A text or null, passed over. */
  text(): void {
    const length = this.varint() - 1;
    if (length > 0) this.bytes(length);
  }

  tags(): void {
    for (let left = this.varint(); left > 0; left -= 1) {
      this.varint();
      this.bytes(this.varint());
    }
  }
}
