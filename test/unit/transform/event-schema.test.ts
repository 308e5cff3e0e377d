import { describe, expect, test } from 'vitest';
import { eventDecoder, MicrosecondDate } from '../../../src/transform/index.js';
import * as t from '../../../src/types.js';

const everything = {
  i: t.int32(),
  l: t.int64(),
  g: t.int64({ mode: 'bigint' }),
  f: t.float32(),
  d: t.float64(),
  b: t.bool(),
  s: t.string(),
  y: t.bytes(),
  at: t.timestamp(),
  v: t.list(t.float32()),
  n: t.nullable(t.int32()),
} satisfies t.Schema;

const good = {
  i: -2147483648,
  l: 9007199254740991,
  g: '-9223372036854775808',
  f: 0.1,
  d: 1e300,
  b: false,
  s: 'é',
  y: 'aGk=',
  at: '2021-07-28T10:00:00.000001Z',
  v: [1, 2.5],
  n: 3,
};

describe('eventDecoder', () => {
  const decode = eventDecoder({ event: everything });
  const one = (type: t.ValueType, value: unknown) => eventDecoder({ event: { x: type } })(JSON.stringify({ x: value }));

  test('a whole event, from bytes and from text; unknown fields are left out', () => {
    const json = JSON.stringify({ ...good, other: { deep: 1 } });
    const decoded = decode(Buffer.from(json));
    expect(decoded).toEqual(decode(json));
    expect(decoded).toMatchObject({
      ok: true,
      event: { i: -2147483648, g: -9223372036854775808n, f: Math.fround(0.1), s: 'é', v: [1, 2.5] },
    });
    const event = (decoded as { event: Record<string, unknown> }).event;
    expect(Object.keys(event)).toEqual(Object.keys(everything));
    expect(event['at']).toBeInstanceOf(MicrosecondDate);
    expect(event['y']).toEqual(Uint8Array.from([0x68, 0x69]));
  });

  test('only nullable fields may be null or missing', () => {
    expect(decode(JSON.stringify({ ...good, n: null }))).toMatchObject({ ok: true, event: { n: null } });
    expect(decode(JSON.stringify({ ...good, n: undefined }))).toMatchObject({ ok: true, event: { n: null } });
    expect(decode(JSON.stringify({ ...good, i: null }))).toEqual({ ok: false, reason: 'field "i" is null' });
    expect(decode(JSON.stringify({ ...good, i: undefined }))).toEqual({ ok: false, reason: 'field "i" is missing' });
    expect(eventDecoder({ event: { constructor: t.string() } })('{}')).toEqual({
      ok: false,
      reason: 'field "constructor" is missing',
    });
  });

  test.each([
    [t.int32(), 2147483648, /2147483648, which is out of range/],
    [t.int32(), 1.5, /1\.5, which is out of range or no whole number/],
    [t.int32(), '1', /a string, not an int32/],
    [t.int64(), 2 ** 53, /no safe whole number/],
    [t.int64(), true, /a boolean, not a whole number/],
    [t.int64({ mode: 'bigint' }), 2 ** 60, /send it as a string/],
    [t.int64({ mode: 'bigint' }), '9223372036854775808', /not a whole number of 64 bits/],
    [t.int64({ mode: 'bigint' }), '1.0', /not a whole number of 64 bits/],
    [t.float32(), 1e39, /out of range for a float32/],
    [t.float32(), '0.5', /a string, not a number/],
    [t.float64(), {}, /an object, not a number/],
    [t.bool(), 1, /a number, not true or false/],
    [t.string(), 7, /a number, not a string/],
    [t.bytes(), 'a b', /not base64 text/],
    [t.timestamp(), '2021-13-01', /not a possible ISO time/],
    [t.timestamp(), 1627466400, /a number, not a time as ISO text/],
    [t.list(t.int32()), 5, /a number, not a list/],
    [t.list(t.int32()), [1, 'x'], /a list whose item 1 is a string, not an int32/],
    [t.list(t.int32()), [null], /a list whose item 0 is null/],
    [t.list(t.list(t.bool())), [[true], [0]], /item 1 is a list whose item 0 is a number/],
  ] as [t.ValueType, unknown, RegExp][])('%o refuses %o', (type, value, reason) => {
    const decoded = one(type, value);
    expect(decoded.ok).toBe(false);
    expect(decoded).toMatchObject({ reason: expect.stringMatching(reason) });
    expect(decoded).toMatchObject({ reason: expect.stringMatching(/^field "x" is /) });
  });

  test('a number JSON can write and a double can not hold', () => {
    expect(eventDecoder({ event: { x: t.float64() } })('{"x":1e999}')).toMatchObject({ ok: false });
  });

  test.each([
    ['', /not valid JSON/],
    ['{"i":1', /not valid JSON/],
    ['[]', /a list, not an object/],
    ['null', /null, not an object/],
    ['"x"', /a string, not an object/],
    [null, /empty/],
    [Buffer.from([0x7b, 0xff, 0x7d]), /not UTF-8/],
  ])('%o is no event', (json, reason) => {
    expect(decode(json)).toMatchObject({ ok: false, reason: expect.stringMatching(reason) });
  });

  test('a big value is not repeated in the reason', () => {
    const decoded = one(t.timestamp(), 'x'.repeat(100_000));
    expect((decoded as { reason: string }).reason.length).toBeLessThan(80);
  });
});
