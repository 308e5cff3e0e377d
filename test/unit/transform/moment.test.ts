import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromMicroseconds, MicrosecondDate, parseMoment, toMicroseconds } from '../../../src/transform/index.js';

describe('parseMoment', () => {
  test.each([
    ['2021-07-28', '2021-07-28T00:00:00Z'],
    ['2021-07-28 10:00', '2021-07-28T10:00:00Z'],
    ['2021-07-28T10:00:01', '2021-07-28T10:00:01Z'],
    ['2021-07-28T10:00:01.5Z', '2021-07-28T10:00:01.500Z'],
    ['2021-07-28T10:00:01+07:00', '2021-07-28T03:00:01Z'],
    ['2021-07-28 10:00:01 -0130', '2021-07-28T11:30:01Z'],
    ['2021-07-28T23:30-02', '2021-07-29T01:30:00Z'],
    ['2024-02-29', '2024-02-29T00:00:00Z'],
    ['0001-01-01', '0001-01-01T00:00:00Z'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
  ])('%s is %s', (text, iso) => expect(parseMoment(text)?.getTime()).toBe(Date.parse(iso)));

  test.each([
    '', '2021', '2021-07', '28.07.2021', '2021-13-01', '2021-00-10', '2021-06-31', '2023-02-29', '1900-02-29', '2021-07-28T24:00',
    '2021-07-28T10', '2021-07-28T10:60', '2021-07-28T10:00:60', '2021-07-28T10:00:00.', '2021-07-28T10:00:00Zulu', '2021-07-28T10:00:00+',
    '2021-07-28T10:00:00+25:00', '2021-07-28x10:00', '0000-01-01', '10000-01-01', '+002021-07-28', '0001-01-01T00:00:00+01:00', 'now',
    '2021-07-28 ', '2021-07-28T10:00:00 UTC', '2021-0a-28', '-001-07-28',
  ])('%s is no time', (text) => expect(parseMoment(text)).toBeUndefined()); // biome-ignore format: a list

  test('agrees with Date on every moment it can hold, in any zone', () => {
    const moments = fc.date({
      min: new Date('0002-01-01T00:00:00Z'),
      max: new Date('9998-12-31T00:00:00Z'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(moments, fc.integer({ min: -18 * 60 + 1, max: 18 * 60 - 1 }), (moment, zone) => {
        const local = new Date(moment.getTime() + zone * 60_000).toISOString().slice(0, -1);
        const part = (n: number) => String(Math.trunc(Math.abs(n))).padStart(2, '0');
        const text = `${local}${zone < 0 ? '-' : '+'}${part(zone / 60)}:${part(zone % 60)}`;
        expect(parseMoment(text)?.getTime()).toBe(moment.getTime());
      }),
    );
  });

  test('microseconds stay, what is finer is cut off', () => {
    const moment = parseMoment('2021-07-28T10:00:00.1234569Z') as Date;
    expect(moment).toBeInstanceOf(MicrosecondDate);
    expect(moment.toISOString()).toBe('2021-07-28T10:00:00.123Z');
    expect(toMicroseconds(moment)).toBe(BigInt(Date.parse('2021-07-28T10:00:00Z')) * 1000n + 123_456n);
    expect(parseMoment('2021-07-28T10:00:00.123000Z')).not.toBeInstanceOf(MicrosecondDate);
  });
});

test('microseconds go to a Date and back', () => {
  const us = fc.bigInt({ min: -62_135_596_800_000_000n, max: 253_402_300_799_999_999n });
  fc.assert(
    fc.property(us, (value) => {
      expect(toMicroseconds(fromMicroseconds(value))).toBe(value);
    }),
  );
});
