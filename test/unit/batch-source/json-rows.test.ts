import { expect, test } from 'vitest';
import { protectJsonRows } from '../../../src/batch-source/json-rows.js';

const hash = (value: unknown): string => `#${String(value)}`;
const treat = (lines: string[], pii: Parameters<typeof protectJsonRows>[1]) =>
  protectJsonRows(lines, pii, hash, 'rows');

test('fields are hashed, masked and dropped; all other text stays as it is written', () => {
  const line =
    '{ "id": 9007199254740993, "a,b": "x\\",{:}", "phone": "+1", "name": "Ann", "mail": {"a": [1]}, "n": 1e400, "ok": [1, {"phone": 2}] }';
  expect(treat([line], { phone: 'hash', name: 'mask', mail: 'drop' })).toEqual([
    '{"id":9007199254740993,"a,b":"x\\",{:}","phone":"#+1","name":"***","n":1e400,"ok":[1, {"phone": 2}]}',
  ]);
});

test('numbers, booleans and null', () => {
  expect(treat(['{"p": 7}', '{"p": 1.0}', '{"p": true}', '{"p": null}', '{}'], { p: 'hash' })).toEqual([
    '{"p":"#7"}',
    '{"p":"#1"}',
    '{"p":"#true"}',
    '{"p":null}',
    '{}',
  ]);
});

test('a name in another case, or written with escapes, is the same name', () => {
  expect(treat(['{"Phone": "a", "phone": "b", "p\\u0068one": "c"}'], { phone: 'mask' })).toEqual([
    '{"Phone":"***","phone":"***","p\\u0068one":"***"}',
  ]);
});

test.each([
  ['{"p": 9007199254740993}', /row 1: column "p" is a number that is not exact/],
  ['{"p": 1e400}', /is a number that is not exact/],
  ['{"p": [4711]}', /row 1: column "p" is a list, which can't be hashed/],
  ['{"p": {"x": 4711}}', /is an object, which can't be hashed/],
  ['{"q": 4711}', /there is no column "p", which a pii rule of the source names/],
])('refused, without the value: %s', (line, reason) => {
  const made = () => treat([line], { p: 'hash' });
  expect(made).toThrow(reason);
  expect(made).not.toThrow(/4711|9007/);
});
