import { describe, expect, it } from 'vitest';
import { entity, featureView, fileSource, kafkaSource, streamFeatureView } from '../../../src/definitions/index.js';
import { DefinitionError } from '../../../src/errors.js';
import { float32, int64, list, nullable, string, timestamp } from '../../../src/types.js';

const raw = (make: unknown) => make as (def: Record<string, unknown>) => never;
const driver = entity({ name: 'driver', joinKeys: { driver_id: int64() } });
const person = entity({ name: 'person', joinKeys: { driver_id: string() } });
const file = (pii?: object) => raw(fileSource)({ name: 'f', path: 'f.csv', timestampField: 'at', pii });
const event = {
  driver_id: int64(),
  at: timestamp(),
  made: timestamp(),
  rate: float32(),
  phone: nullable(string()),
  tags: list(string()),
};
const topic = (pii?: object, over: object = {}) =>
  raw(kafkaSource)({ topic: 't', event, timestampField: 'at', createdTimestampField: 'made', pii, ...over });
const view = (pii: object, over: object = {}) =>
  raw(featureView)({ name: 'v', entities: [driver], source: file(pii), features: { rate: float32() }, ...over });
const stream = (pii: object, over: object = {}) =>
  raw(streamFeatureView)({ name: 'v', entities: [driver], source: topic(pii), features: { rate: float32() }, ...over });

describe('rules for personal data that can not hold', () => {
  it.each<[string, () => unknown, RegExp, RegExp]>([
    ['no list', () => file(['phone']), /pii is no list of columns/, /pii: \{ phone: 'hash'/],
    ['the event time', () => file({ at: 'drop' }), /pii.at: the column is the timestampField/, /another column/],
    ['an unknown rule', () => topic({ phone: 'hide' }), /pii.phone "hide" is unknown/, /hash, mask or drop/],
    ['no field of the event', () => topic({ fone: 'drop' }), /pii.fone: the event has no such field/, /mean "phone"/],
    ['a created time', () => topic({ made: 'mask' }), /the column is the createdTimestampField/, /take the rule out/],
    ['a hashed list', () => topic({ tags: 'hash' }), /a list<string> can't be hashed/, /mask or drop/],
    [
      'another rule for the history',
      () => topic({ phone: 'hash' }, { batchSource: file({ phone: 'mask' }) }),
      /pii.phone is hash here and mask in its batchSource/,
      /same rule/,
    ],
    [
      'a rule that only the history has',
      () => topic(undefined, { batchSource: file({ phone: 'hash' }) }),
      /pii.phone is not declared here and hash in its batchSource/,
      /same rule/,
    ],
    ['a dropped feature', () => view({ rate: 'drop' }), /feature "rate" is under the pii rule "drop"/, /hash it/],
    ['a masked join key', () => view({ driver_id: 'mask' }), /would make one of all entities/, /hash it/],
    [
      'a hashed number',
      () => view({ driver_id: 'hash' }),
      /text, and it is declared int64/,
      /string\(\) in its entity/,
    ],
    ['a masked number', () => view({ rate: 'mask' }), /text, and it is declared float32/, /rate: string\(\)/],
    ['a hashed number of an event', () => stream({ driver_id: 'hash' }), /is declared int64/, /asof pii hash/],
    ['a dropped field of a stream', () => stream({ rate: 'drop' }), /so it is not kept/, /take it out of the view/],
  ])('%s', (_, make, what, mend) => {
    let error: unknown;
    try {
      make();
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(DefinitionError);
    expect((error as DefinitionError).message).toMatch(what);
    expect((error as DefinitionError).mend).toMatch(mend);
  });

  it('let pass what fits: views see text, and no dropped field', () => {
    const source = kafkaSource({
      topic: 't',
      event,
      timestampField: 'at',
      pii: { driver_id: 'hash', phone: 'mask', tags: 'drop' },
      batchSource: file({ driver_id: 'hash', phone: 'mask' }),
    });
    expect(source.event).toEqual(event);
    expect(Object.entries(source.seen).map(([name, { kind, nullable: may }]) => [name, kind, may])).toEqual([
      ['driver_id', 'string', undefined],
      ['at', 'timestamp', undefined],
      ['made', 'timestamp', undefined],
      ['rate', 'float32', undefined],
      ['phone', 'string', true],
    ]);
    streamFeatureView({ name: 'v', entities: [person], source, features: { rate: float32(), phone: string() } });
    // What a transform gives is of its own making.
    stream({ rate: 'drop' }, { transform: () => ({ rate: 1 }) });
  });
});
