import { describe, expect, it } from 'vitest';
import { splitJsonArray } from '../../../src/cli/json-array.js';
import { parseKey } from '../../../src/cli/key-option.js';
import { atMostOne, countOption, listOption, timeOption } from '../../../src/cli/option-values.js';
import { formatCell, toJson } from '../../../src/cli/output.js';
import { DefinitionError } from '../../../src/errors.js';
import { bool, bytes, int32, int64, string, timestamp } from '../../../src/types.js';

describe('--key', () => {
  const joinKeys = {
    driver_id: int64(),
    zone: int32(),
    city: string(),
    night: bool(),
    day: timestamp(),
    hash: bytes(),
  };

  it.each([
    ['driver_id=1001', { driver_id: 1001 }],
    ['driver_id=-7, zone = 3', { driver_id: -7, zone: 3 }],
    ['driver_id=9223372036854775807', { driver_id: 9223372036854775807n }],
    ['city=', { city: '' }],
    ['city=Bern, CH,zone=1', { city: 'Bern, CH', zone: 1 }],
    ['city=a=b', { city: 'a=b' }],
    ['night=true,day=2021-07-28T10:00', { night: true, day: new Date('2021-07-28T10:00:00Z') }],
    ['hash=AQI=', { hash: new Uint8Array([1, 2]) }],
    ['unknown=1', { unknown: '1' }],
  ])('%s', (text, key) => {
    expect(parseKey(text, joinKeys)).toEqual(key);
  });

  it.each([
    ['driver_id=x', /join key "driver_id" is "x", not a whole number of 64 bits/],
    ['driver_id=1e3', /driver_id/],
    ['zone=2147483648', /join key "zone" is "2147483648", not a whole number of 32 bits/],
    ['night=yes', /not true or false/],
    ['day=2021-02-30', /not a time/],
    ['hash=%', /not base64/],
    ['driver_id', /not name=value/],
    ['=1', /not name=value/],
    ['zone=1,zone=2', /names "zone" twice/],
  ])('refuses %s', (text, reason) => {
    expect(() => parseKey(text, joinKeys)).toThrow(DefinitionError);
    expect(() => parseKey(text, joinKeys)).toThrow(reason);
  });
});

describe('--rows', () => {
  it('keeps numbers as written, and gives every object one line', () => {
    const text = ' [ {"a": 9007199254740993, "b": [1, {"c": "],}"}]},\n {"a":\n1.50,\r\n "t": "x\\"y, \\n"} ] ';
    expect(splitJsonArray('--rows', text)).toEqual([
      '{"a": 9007199254740993, "b": [1, {"c": "],}"}]}',
      '{"a": 1.50, "t": "x\\"y, \\n"}',
    ]);
  });

  it.each(['', '{}', '[]', '[1]', '[[]]', '[null]', '[{}'])('refuses %j', (text) => {
    expect(() => splitJsonArray('--rows', text)).toThrow(/^--rows/);
  });
});

describe('other options', () => {
  it('reads lists, times and counts', () => {
    expect(listOption('--views', 'a, b')).toEqual(['a', 'b']);
    expect(timeOption('--end', '2021-07-01')).toEqual(new Date('2021-07-01T00:00:00Z'));
    expect(timeOption('--end', undefined)).toBeUndefined();
    expect(countOption('--limit', '12')).toBe(12);
    expect(() => listOption('--views', 'a,,b')).toThrow(/empty part/);
    expect(() => timeOption('--end', '1 July')).toThrow(/no time/);
    for (const text of ['', '-1', '1.5', 'x', '1e20'])
      expect(() => countOption('--limit', text)).toThrow(/no whole number/);
    expect(() => atMostOne({ '--a': 'x', '--b': undefined, '--c': true })).toThrow(/--a and --c/);
    expect(() => atMostOne({ '--a': 'x', '--c': false })).not.toThrow();
  });
});

describe('printed values', () => {
  it('as JSON: exact, or as text', () => {
    const value = {
      a: 5n,
      b: 2n ** 63n,
      c: Buffer.from([1, 2]),
      d: new Uint8Array([1]),
      e: Number.NaN,
      f: new Date(0),
    };
    expect(JSON.parse(toJson(value))).toEqual({
      a: 5,
      b: '9223372036854775808',
      c: 'AQI=',
      d: 'AQ==',
      e: 'NaN',
      f: '1970-01-01T00:00:00.000Z',
    });
    expect(JSON.parse(toJson({ rate: Math.fround(0.1) }))).toEqual({ rate: Math.fround(0.1) });
  });

  it('in tables: short', () => {
    expect([Math.fround(0.175218582), 1e-12, 12, null, new Date(0)].map(formatCell)).toEqual([
      '0.175218582',
      '1e-12',
      '12',
      '·',
      '1970-01-01T00:00:00Z',
    ]);
  });
});
