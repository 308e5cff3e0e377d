import { describe, expect, it } from 'vitest';
import { digestOf, keyPart } from '../../../src/forget/key.js';
import { eventHolds, holds, redacted, startHolds } from '../../../src/forget/text.js';
import { int64, string } from '../../../src/types.js';

const driver = [keyPart('driver_id', int64(), 1001)];
const pair = [keyPart('shop', string(), 'a.b'), keyPart('user', int64(), 7)];
const hashed = [keyPart('mail', string(), 'a@b.c', 'f00d')];

describe('what a text tells of a key', () => {
  it.each([
    ['{"driver_id":1001,"trips":3}', true],
    ['{"driver_id":"1001"}', true],
    ['{"driver_id":10010}', false],
    ['{"driver_id":1002,"trips":1001}', false],
    ['{"rows":1001}', false],
    ['{"examples":[{"x":1},{"driver_id":1001}]}', true],
    ['{"columns":[{"name":"driver_id","max":1001}]}', true],
    ['{"columns":[{"name":"driver_id","distinct":1001,"max":5}]}', false],
    ['{"columns":[{"name":"trips","max":1001}]}', false],
    ['{"message":"driver_id is 1001, not a text"}', true],
    ['driver_id=1001', true],
    ['1001 rows of driver_id2', false],
    ['{"driver_id":"\\u00310\\u00301"}', true],
    ['', false],
    ['not { json', false],
  ])('%s: %s', (text, is) => {
    expect(holds(text, [driver])).toBe(is);
  });

  it('takes join keys together, and a value in any of its forms', () => {
    expect(holds('{"shop":"a.b","user":7}', [pair])).toBe(true);
    expect(holds('[{"shop":"a.b","user":8},{"shop":"b","user":7}]', [pair])).toBe(false);
    expect(holds('{"shop":"aXb","user":7}', [pair])).toBe(false);
    expect(holds('{"mail":"f00d"}', [hashed])).toBe(true);
    expect(holds('{"mail":"a@b.c"}', [driver, hashed])).toBe(true);
  });

  it('counts an event whose key can not be known', () => {
    expect(eventHolds('{"driver_id":1001, broken', [driver])).toBe(true);
    expect(eventHolds('{"driver":1001}', [driver])).toBe(true);
    expect(eventHolds('{"driver_id":1002,"trips":1001}', [driver])).toBe(false);
    expect(eventHolds('{"driver":11001}', [driver])).toBe(false);
  });

  it('takes out what tells, and keeps the rest', () => {
    const given = {
      rows: 1001,
      examples: [{ driver_id: 1001 }, { driver_id: 2 }],
      last: { driver_id: 1001 },
      note: 'driver_id 1001 is late',
    };
    expect(JSON.parse(redacted(JSON.stringify(given), [driver])!)).toEqual({
      rows: 1001,
      examples: [{ driver_id: 2 }],
      last: null,
      note: '(forgotten)',
    });
    expect(redacted('driver_id=1001', [driver])).toBeUndefined();
  });

  it('finds whole numbers that JSON would round, and leaves their neighbours as they are', () => {
    const long = [keyPart('id', int64(), 9_007_199_254_740_993n)];
    expect(holds('{"id":9007199254740993}', [long])).toBe(true);
    expect(holds('{"id":9007199254740992}', [long])).toBe(false);
    expect(holds('{"id":1,"other":9007199254740993}', [long])).toBe(false);
    expect(eventHolds('{"id":1,"other":9007199254740993}', [long])).toBe(false);
    expect(
      redacted('[{"id":9007199254740993},{"id":9007199254740995,"x":1.5},{"id":"9007199254740993"}]', [long]),
    ).toBe('[{"id":9007199254740995,"x":1.5}]');
  });

  it.each([
    ['a"b', '{"k":"a\\"b"}', true],
    ['a"b', '{"k":"a\\\\b"}', false],
    ['a\\b', '{"k":"a\\\\b"}', true],
    ['a"b', 'k is "a\\"b", not a number', true],
    ['a"b', '{"k":"a\\"b", broken', true],
    ['kůň', '{"k":"k\\u016f\\u0148", broken', true],
    ['1', '{"k":" 1"}', false],
    [' 1', '{"k":" 1"}', true],
    ['1', '{"k":"1"}', true],
    ['', '{"k":""}', true],
    ['', 'k is not a number', false],
    ['', '{"k": broken', false],
  ])('a text counts as it stands: %s in %s', (value, text, is) => {
    expect(eventHolds(text, [[keyPart('k', string(), value)]])).toBe(is);
  });

  it.each([
    [5, 'k is -5', false],
    [-5, 'k is -5', true],
    [5, 'k is 5.5', false],
    [5, 'k is 0.5', false],
    [5, 'k is 5.0', true],
    [5, 'k is 5.', true],
    [5, 'k is 1-5', true],
  ])('of a number, others that hold its digits are none: %s in %s', (value, text, is) => {
    expect(holds(text, [[keyPart('k', int64(), value)]])).toBe(is);
  });
});

describe('what the first letters of a text tell', () => {
  it.each([
    ['[{"columns":["driver_id"],"rows":1001,"expectation":"between(driver_id, 1, 1001)","obse', false],
    ['[{"columns":["driver_id"],"observed":"5..1001","exam', true],
    ['[{"examples":[{"driver_id":1001,"trips', true],
    ['[{"examples":[{"driver_id":"1001","trips', true],
    ['[{"examples":[{"driver_id":10010,"trips', false],
    ['{"driver_id":1001}', true],
    ['driver_id is 1001', true],
  ])('%s: %s', (text, is) => {
    expect(startHolds(text, [driver])).toBe(is);
  });

  it.each([
    ['', '[{"k":"abc","trips', false],
    ['', '[{"k":"","trips', true],
    ['a"b', '[{"k":"a\\"b","trips', true],
  ])('of texts as JSON writes them: %s in %s', (value, text, is) => {
    expect(startHolds(text, [[keyPart('k', string(), value)]])).toBe(is);
  });
});

describe('the digest of a key', () => {
  it('is the same for the same keys in any order, and tells nothing', () => {
    const one = digestOf([driver, pair], {}, 'salt');
    expect(digestOf([[...pair].reverse(), driver], {}, 'salt')).toEqual(one);
    expect(digestOf([pair], {}, 'salt').hash).not.toBe(one.hash);
    expect(digestOf([driver, pair], {}).hash).not.toBe(one.hash);
    expect(digestOf([driver, pair], { ASOF_PII_KEY: 'secret' }, 'salt')).toMatchObject({
      isKeyed: true,
      hash: expect.not.stringMatching(one.hash),
    });
    expect(JSON.stringify(one)).not.toContain('1001');
  });
});
