import type { Payload } from '@temporalio/common';
import { PayloadKeyError } from './payload-key-error.js';

/**
 * A payload as bytes: the protobuf message temporal.api.common.v1.Payload, as Temporal's own encryption samples store it, so that
 * other languages can read what was written here.
 *
 *   message Payload { map<string, bytes> metadata = 1; bytes data = 2; }
 */
const metadataField = 1;
const dataField = 2;
const keyField = 1;
const valueField = 2;

/** Length-delimited, the only wire type in this message. */
const lengthDelimited = 2;
const tag = (field: number): number => (field << 3) | lengthDelimited;

export function payloadToBytes({ metadata, data }: Payload): Buffer {
  const parts: Uint8Array[] = [];
  for (const [key, value] of Object.entries(metadata ?? {})) {
    parts.push(
      ...field(metadataField, Buffer.concat([...field(keyField, Buffer.from(key)), ...field(valueField, value)])),
    );
  }
  if (data !== undefined && data !== null && data.length > 0) parts.push(...field(dataField, data));
  return Buffer.concat(parts);
}

/** @throws PayloadKeyError when the bytes are no payload. */
export function payloadFromBytes(bytes: Uint8Array): Payload {
  const metadata: Record<string, Uint8Array> = {};
  let data: Uint8Array = new Uint8Array();
  for (const [number, value] of fieldsOf(bytes)) {
    if (number === dataField) data = value;
    if (number !== metadataField) continue;
    const entry = new Map(fieldsOf(value));
    const key = Buffer.from(entry.get(keyField) ?? []).toString('utf8');
    Object.defineProperty(metadata, key, { value: entry.get(valueField) ?? new Uint8Array(), ...ownProperty });
  }
  return { metadata, data };
}

/** A key may be any text, also `__proto__`. */
const ownProperty = { enumerable: true, configurable: true, writable: true } as const;

const field = (number: number, content: Uint8Array): [Uint8Array, Uint8Array] => [
  Buffer.from([tag(number), ...varint(content.length)]),
  content,
];

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  return [...bytes, rest];
}

/** Fields this version does not know are passed over. */
function* fieldsOf(bytes: Uint8Array): Generator<[number: number, content: Uint8Array]> {
  let at = 0;
  const next = (): number => {
    let value = 0;
    for (let shift = 0; shift < 32; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) break;
      value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
    throw notAPayload();
  };
  while (at < bytes.length) {
    const head = next();
    if ((head & 7) !== lengthDelimited) throw notAPayload();
    const length = next();
    if (at + length > bytes.length) throw notAPayload();
    yield [head >>> 3, bytes.subarray(at, at + length)];
    at += length;
  }
}

const notAPayload = (): PayloadKeyError =>
  new PayloadKeyError('what was decrypted is no payload of Temporal', {
    mend: 'another program encrypts under this key; give asof a key of its own',
  });
