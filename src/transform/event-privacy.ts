import type { PiiRule } from '../definitions/pii-rules.js';
import type { KafkaSource } from '../definitions/sources.js';
import { type Hashable, hashWith, masked, timeText } from '../personal-data/index.js';
import { fieldDecoder, Refusal } from './event-fields.js';
import { type EventRecord, parseEvent } from './event-schema.js';
import { toMicroseconds } from './moment.js';

/** What a stream's rules for personal data make of its events, before anything of them is kept or shown. */
export interface EventPrivacy {
  /** Applies the rules to a decoded event, in place. */
  treat(event: EventRecord): void;
  /** What is kept of a message that is set aside, and a remark for its reason where nothing is. */
  keep(message: Uint8Array): { readonly payload: Uint8Array | null; readonly remark: string };
}

/**
 * @param key of the hashes; needed only when a rule hashes.
 * @returns `undefined` for a source without rules.
 */
export function eventPrivacy(
  { event: schema, pii }: Pick<KafkaSource, 'event' | 'pii'>,
  key: string | undefined,
): EventPrivacy | undefined {
  if (pii === undefined || Object.keys(pii).length === 0) return undefined;
  const hash = hashWith(key ?? '');
  const treated = (rule: PiiRule, value: unknown): unknown => {
    if (value === null) return null;
    return rule === 'mask'
      ? masked
      : hash(value instanceof Date ? timeText(toMicroseconds(value)) : (value as Hashable));
  };
  const rules = Object.entries(pii);
  const fields = new Map(Object.entries(schema).map(([name, type]) => [name, fieldDecoder(type)]));

  /** Only what is declared and of its type is known not to hold what a rule is about. */
  const kept = (name: string, value: unknown): unknown => {
    if (value === null) return null;
    const decoded = fields.get(name)?.(value);
    if (decoded === undefined || decoded instanceof Refusal) return masked;
    const rule = pii[name];
    return rule === undefined ? value : treated(rule, decoded);
  };

  return {
    treat(event) {
      for (const [name, rule] of rules) {
        if (rule === 'drop') delete event[name];
        else event[name] = treated(rule, event[name]);
      }
    },
    keep(message) {
      const parsed = parseEvent(message);
      if (typeof parsed === 'string') {
        return {
          payload: null,
          remark: `its ${message.length} bytes are not kept, because the source has pii rules: they are in the topic`,
        };
      }
      const entries = Object.entries(parsed).filter(([name]) => pii[name] !== 'drop');
      const event = Object.fromEntries(entries.map(([name, value]) => [name, kept(name, value)]));
      return { payload: Buffer.from(JSON.stringify(event), 'utf8'), remark: '' };
    },
  };
}
