import { describe, expect, test } from 'vitest';
import { hashWith, timeText } from '../../../src/personal-data/index.js';
import { eventPrivacy } from '../../../src/transform/event-privacy.js';
import { eventDecoder, toMicroseconds } from '../../../src/transform/index.js';
import * as t from '../../../src/types.js';

const key = 'a key of the tests, long enough';
const hash = hashWith(key);
const source = {
  event: {
    id: t.int64(),
    big: t.nullable(t.int64({ mode: 'bigint' })),
    born: t.nullable(t.timestamp()),
    photo: t.nullable(t.bytes()),
    phone: t.nullable(t.string()),
    name: t.nullable(t.string()),
    mail: t.nullable(t.string()),
    rate: t.float64(),
  },
  pii: { id: 'hash', big: 'hash', born: 'hash', photo: 'hash', phone: 'hash', name: 'mask', mail: 'drop' },
} as const;
const privacy = eventPrivacy(source, key);
const decode = eventDecoder(source);
const canary = 'canary-4711';

describe('events', () => {
  test('are hashed, masked and dropped once they are known to be of their types', () => {
    const born = '1980-05-17T10:00:00.123456+02:00';
    const sent = {
      id: 1001,
      big: '9007199254740993',
      born,
      photo: 'AP8=',
      phone: '+1',
      name: 'Ann',
      mail: 'a@b',
      rate: 1,
    };
    const decoded = decode(JSON.stringify(sent));
    if (!decoded.ok) throw new Error(decoded.reason);
    const moment = toMicroseconds(decoded.event['born'] as Date);
    privacy?.treat(decoded.event);
    expect(decoded.event).toEqual({
      id: hash('1001'),
      big: hash('9007199254740993'),
      born: hash('1980-05-17T08:00:00.123456Z'),
      photo: hash(new Uint8Array([0, 255])),
      phone: hash('+1'),
      name: '***',
      rate: 1,
    });
    expect(timeText(moment)).toBe('1980-05-17T08:00:00.123456Z');
  });

  test('null stays null', () => {
    const decoded = decode('{"id": 1, "rate": 2, "phone": null}');
    if (!decoded.ok) throw new Error(decoded.reason);
    privacy?.treat(decoded.event);
    expect(decoded.event).toMatchObject({ phone: null, name: null });
    expect(decoded.event).not.toHaveProperty('mail');
  });

  test.each([
    '{"id": 1.5, "rate": 2}',
    '{"id": 9007199254740993, "rate": 2}',
    '{"id": 12345678901, "big": 1e300, "rate": 2}',
  ])('no reason shows a value under a rule: %s', (json) => {
    const decoded = decode(json);
    expect(decoded).toMatchObject({ ok: false, reason: expect.stringMatching(/^field "(id|big)" is no int64$/) });
  });
});

describe('what is kept of a message that is set aside', () => {
  const kept = (message: string) => {
    const { payload, remark } = privacy?.keep(Buffer.from(message)) ?? { payload: null, remark: '' };
    return { payload: payload === null ? null : JSON.parse(Buffer.from(payload).toString()), remark };
  };

  test('rules applied; what is not declared, or not of its type, is masked', () => {
    const sent = {
      id: 7,
      phone: '+1',
      name: canary,
      mail: canary,
      rate: canary,
      born: canary,
      more: { deep: canary },
      big: null,
    };
    expect(kept(JSON.stringify(sent))).toEqual({
      payload: { id: hash('7'), phone: hash('+1'), name: '***', rate: '***', born: '***', more: '***', big: null },
      remark: '',
    });
  });

  test.each([`{"phone": "${canary}"`, `"${canary}"`, `["${canary}"]`, `{"phone": "${canary}"}\u0000`])(
    'nothing of what is no object: %s',
    (message) => {
      expect(kept(message)).toEqual({ payload: null, remark: expect.stringMatching(/^its \d+ bytes are not kept/) });
    },
  );
});

test('a source without rules has none', () => {
  expect(eventPrivacy({ event: source.event }, undefined)).toBeUndefined();
  expect(eventPrivacy({ event: source.event, pii: {} }, undefined)).toBeUndefined();
});
