import { isUtf8 } from 'node:buffer';
import type { PiiRules } from '../definitions/pii-rules.js';
import type { KafkaSource } from '../definitions/sources.js';
import { type Schema, typeName } from '../types.js';
import { fieldDecoder, jsonKind, Refusal } from './event-fields.js';

/** One event as a transform sees it: exactly the declared fields, in their order; timestamps are Dates. */
export type EventRecord = Record<string, unknown>;

export type DecodedEvent =
  | { readonly ok: true; readonly event: EventRecord }
  /** One short sentence that names the field and not its value. */
  | { readonly ok: false; readonly reason: string };

export type EventDecoder = (json: Uint8Array | string | null) => DecodedEvent;

const refuse = (reason: string): DecodedEvent => ({ ok: false, reason });

/**
 * Compiles what turns a topic's messages into events. A message must be one JSON object with every field of its type; only fields
 * wrapped in `nullable()` may be missing or null. Fields that were not declared are left out.
 */
export function eventDecoder(source: Pick<KafkaSource, 'event' | 'pii'>): EventDecoder {
  const fromObject = objectDecoder(source.event, source.pii);
  return (json) => {
    const parsed = parseEvent(json);
    return typeof parsed === 'string' ? refuse(parsed) : fromObject(parsed);
  };
}

/** A message as the JSON object it has to be, or a short sentence why it is none. */
export function parseEvent(json: Uint8Array | string | null): EventRecord | string {
  if (json === null) return 'the event is empty';
  let parsed: unknown;
  try {
    parsed = JSON.parse(typeof json === 'string' ? json : textOf(json));
  } catch (error) {
    return error instanceof TypeError ? 'the event is not UTF-8 text' : 'the event is not valid JSON';
  }
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as EventRecord;
  return `the event is ${jsonKind(parsed)}, not an object`;
}

/** The same for JSON that is already parsed. @param pii fields whose values no reason may show. */
export function objectDecoder(schema: Schema, pii: PiiRules = {}): (object: EventRecord) => DecodedEvent {
  const fields = Object.entries(schema).map(([name, type]) => ({
    name,
    nullable: type.nullable === true,
    refusal: pii[name] === undefined ? undefined : `no ${typeName(type)}`,
    decode: fieldDecoder(type),
  }));
  // Copying an object that has all fields is several times faster than adding them one by one.
  const blank: EventRecord = Object.fromEntries(fields.map(({ name }) => [name, null]));
  return (object) => {
    const event: EventRecord = { ...blank };
    for (const { name, nullable, refusal, decode } of fields) {
      const value = Object.hasOwn(object, name) ? object[name] : undefined;
      if (value === null || value === undefined) {
        if (!nullable) return refuse(`field "${name}" is ${value === null ? 'null' : 'missing'}`);
        continue;
      }
      const decoded = decode(value);
      if (decoded instanceof Refusal) return refuse(`field "${name}" is ${refusal ?? decoded.reason}`);
      event[name] = decoded;
    }
    return { ok: true, event };
  };
}

function textOf(json: Uint8Array): string {
  if (!isUtf8(json)) throw new TypeError('not UTF-8');
  return Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString('utf8');
}
