import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataError, DefinitionError } from '../../../src/errors.js';
import { entityKey, entityKeys } from '../../../src/online-store/entity-key.js';
import { bool, bytes, int32, int64, type Schema, string, timestamp } from '../../../src/types.js';

const hex = (key: Uint8Array): string => Buffer.from(key).toString('hex');
const failure = (work: () => unknown): unknown => {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
};

/** Join key values as columns give them, with what makes two of them the same value. */
const values: Record<string, fc.Arbitrary<unknown>> = {
  int32: fc.integer(),
  int64: fc.oneof(fc.maxSafeInteger(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  string: fc.oneof(fc.string({ unit: 'binary', maxLength: 5 }), fc.string({ maxLength: 40 })),
  bool: fc.boolean(),
  bytes: fc.uint8Array({ maxLength: 5 }),
  timestamp: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
};
const types = {
  int32: int32(),
  int64: int64(),
  string: string(),
  bool: bool(),
  bytes: bytes(),
  timestamp: timestamp(),
};
const same = (value: unknown): string => (value instanceof Uint8Array ? hex(value) : String(value));

describe('entity keys', () => {
  it('are equal exactly when all join keys are, one by one or in bulk', () => {
    const kinds = fc.array(fc.constantFrom(...(Object.keys(types) as (keyof typeof types)[])), {
      minLength: 1,
      maxLength: 4,
    });
    const cases = kinds.chain((chosen) =>
      fc.tuple(fc.constant(chosen), fc.array(fc.tuple(...chosen.map((kind) => values[kind]!)), { maxLength: 12 })),
    );
    fc.assert(
      fc.property(cases, ([chosen, rows]) => {
        const schema: Schema = Object.fromEntries(chosen.map((kind, index) => [`k${index}`, types[kind]]));
        const single = rows.map((row) =>
          entityKey(schema, Object.fromEntries(row.map((v, index) => [`k${index}`, v]))),
        );
        const bulk = entityKeys(
          schema,
          chosen.map((_, index) => rows.map((row) => row[index])),
        );
        expect(bulk.map(hex)).toEqual(single.map(hex));
        for (let a = 0; a < rows.length; a += 1) {
          for (let b = 0; b < a; b += 1) {
            const equal = chosen.every((_, index) => same(rows[a]?.[index]) === same(rows[b]?.[index]));
            expect(hex(single[a]!) === hex(single[b]!)).toBe(equal);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it('keep texts apart wherever one ends and the next begins', () => {
    const two = { a: string(), b: string() };
    const keys = [
      ['a:b', 'c'],
      ['a', 'b:c'],
      ['', 'a:bc'],
      ['a:bc', ''],
      ['a\0b', 'c'],
      ['a', '\0bc'],
    ].map(([a, b]) => hex(entityKey(two, { a, b })));
    expect(new Set(keys).size).toBe(keys.length);
    const bin = { a: bytes(), b: bytes(), c: bytes() };
    const split = [
      [[1, 2], [3], []],
      [[1], [2, 3], []],
      [[1], [2], [3]],
    ].map(([a, b, c]) =>
      hex(entityKey(bin, { a: Uint8Array.from(a!), b: Uint8Array.from(b!), c: Uint8Array.from(c!) })),
    );
    expect(new Set(split).size).toBe(3);
  });

  it('differ by type, and not by the width of a whole number', () => {
    expect(hex(entityKey({ id: int64() }, { id: 1 }))).not.toBe(hex(entityKey({ id: string() }, { id: '1' })));
    expect(hex(entityKey({ id: string() }, { id: 'x' }))).not.toBe(
      hex(entityKey({ id: bytes() }, { id: Buffer.from('x') })),
    );
    expect(hex(entityKey({ id: int32() }, { id: -7 }))).toBe(hex(entityKey({ id: int64() }, { id: -7n })));
    expect(hex(entityKey({ id: int64() }, { id: -0 }))).toBe(hex(entityKey({ id: int64() }, { id: 0 })));
  });

  it('take join keys in declared order and ignore everything else', () => {
    const schema = { a: int64(), b: string() };
    const key = hex(entityKey(schema, { a: 1, b: 'x' }));
    expect(hex(entityKey(schema, { other: 5, b: 'x', a: 1 }))).toBe(key);
    expect(hex(entityKey({ b: string(), a: int64() }, { a: 1, b: 'x' }))).not.toBe(key);
  });

  it('order as whole numbers and times do', () => {
    const schema = { id: int64() };
    const numbers = [
      -(2n ** 63n),
      -(2 ** 53) + 1,
      -(2 ** 32) - 1,
      -(2 ** 32),
      -1,
      0,
      1,
      2 ** 31,
      2 ** 32,
      2 ** 40,
      2n ** 62n,
    ];
    const keys = numbers.map((id) => hex(entityKey(schema, { id })));
    expect([...keys].sort()).toEqual(keys);
  });

  it('take a Date and the same moment in microseconds as one', () => {
    const at = { at: timestamp() };
    const date = new Date('1969-12-31T23:59:59.999Z');
    expect(hex(entityKey(at, { at: date }))).toBe(hex(entityKey(at, { at: -1000n })));
    expect(hex(entityKey(at, { at: date }))).not.toBe(hex(entityKey(at, { at: -999n })));
  });

  it('do not share memory with keys made later', () => {
    const first = entityKey({ id: int64() }, { id: 1 });
    const before = hex(first);
    entityKey({ id: int64() }, { id: 2 });
    expect(hex(first)).toBe(before);
  });

  it.each([
    [{ id: int64() }, {}, 'join key "id" is missing', 'add id'],
    [{ id: int64() }, { id: null }, 'join key "id" is null', 'give id a value'],
    [{ id: int64() }, { id: '1' }, 'join key "id" is "1", not of type int64', 'a whole number'],
    [{ id: int64() }, { id: 1.5 }, 'is 1.5, not of type int64', 'a whole number'],
    [{ id: int64() }, { id: 2 ** 53 }, 'is 9007199254740992, not of type int64', 'a bigint'],
    [{ id: int64() }, { id: 2n ** 63n }, 'is 9223372036854775808n, not of type int64', 'a whole number'],
    [{ id: int64() }, { id: Number.NaN }, 'is NaN, not of type int64', 'a whole number'],
    [{ id: int32() }, { id: 2 ** 31 }, 'not of type int32', '32 bits'],
    [{ id: string() }, { id: 5 }, 'is 5, not of type string', 'text'],
    [{ id: string() }, { id: 'a\ud800' }, 'not of type string', 'well-formed'],
    [{ id: bool() }, { id: 1 }, 'is 1, not of type bool', 'true or false'],
    [{ id: bytes() }, { id: 'x' }, 'is "x", not of type bytes', 'Uint8Array'],
    [{ id: timestamp() }, { id: new Date(Number.NaN) }, 'not of type timestamp', 'valid Date'],
    [{ id: timestamp() }, { id: '2022-01-01' }, 'not of type timestamp', 'valid Date'],
  ])('say what is wrong with %o of %o', (schema: Schema, row, what, mend) => {
    const error = failure(() => entityKey(schema, row, 'row 3'));
    expect(error).toBeInstanceOf(DefinitionError);
    expect(error).toMatchObject({
      message: expect.stringContaining(what),
      where: 'row 3',
      mend: expect.stringContaining(mend),
    });
    // A key that failed half-way leaves nothing behind for the next.
    expect(hex(entityKey({ id: int64() }, { id: 1 }))).toBe('018000000000000001');
  });

  it('name key and row of bulk data that is at fault, as an error of the data', () => {
    const schema = { a: string(), b: int64() };
    const error = failure(() =>
      entityKeys(schema, [
        ['x', 'y'],
        [1, null],
      ]),
    );
    expect(error).toBeInstanceOf(DataError);
    expect(error).toMatchObject({ message: 'row 1: join key "b" is null', where: 'row 1' });
    expect(entityKeys(schema, [[], []])).toEqual([]);
  });
});
