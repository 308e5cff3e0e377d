import { expect, it } from 'vitest';
import { DefinitionError } from '../../../src/errors.js';
import { keyPart } from '../../../src/forget/key.js';
import { checkReason } from '../../../src/forget/reason.js';
import { bool, int64, string } from '../../../src/types.js';

const number = (value: number | bigint) => keyPart('user_id', int64(), value);
const text = (value: string, hash?: string) => keyPart('mail', string(), value, hash);

it.each([
  [number(1001), 'user 1001 asked'],
  [number(1001), 'user1001'],
  [number(1001), 'user_1001, by phone'],
  [number(1001), 'user 1,001 asked'],
  [number(1001), '1001.'],
  [number(1), 'request 1'],
  [number(-5), 'account -5'],
  [text('ann@example.com'), 'mail of Ann@Example.com'],
  [text('ann@example.com', 'f00d'), 'whose hash is f00d'],
  [text('kůň'), 'zákazník "kůň"'],
  [text('a'), 'customer a'],
  [text('a.b'), 'shop a.b, closed'],
])('refuses a reason that tells the value of a key', (part, reason) => {
  const check = () => checkReason(reason, [[number(7)], [part]]);
  expect(check).toThrow(DefinitionError);
  expect(check).toThrow(expect.objectContaining({ where: '--reason', mend: expect.stringContaining('without') }));
  // The message may be logged.
  expect(check).toThrow(expect.not.objectContaining({ message: expect.stringContaining(reason) }));
});

it.each([
  [number(1001), 'request 17'],
  [number(1001), 'request 21001, 10010 and 1002'],
  [number(1), 'request 17 of 2021'],
  [text('a'), 'asked by mail'],
  [text('a.b'), 'axb'],
  [text(''), 'whatever'],
  [text('ann'), 'the annual cleaning'],
  [keyPart('is_test', bool(), true), 'it is true that they asked'],
])('lets others through', (part, reason) => {
  checkReason(reason, [[part]]);
  checkReason(undefined, [[part]]);
});
