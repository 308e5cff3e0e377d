import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DataError } from '../../../src/errors.js';
import { entityKey } from '../../../src/online-store/entity-key.js';
import { entityKeyValues } from '../../../src/online-store/entity-key-values.js';
import { bool, bytes, int32, int64, type Schema, string, timestamp, type ValueType } from '../../../src/types.js';

const int64Bounds = { min: -(2n ** 63n), max: 2n ** 63n - 1n };
const asGiven = (value: bigint): number | bigint => (Number.isSafeInteger(Number(value)) ? Number(value) : value);

const part: fc.Arbitrary<{ type: ValueType; value: unknown }> = fc.oneof(
  fc.integer().map((value) => ({ type: int32() as ValueType, value })),
  fc.bigInt(int64Bounds).map((value) => ({ type: int64() as ValueType, value: asGiven(value) })),
  fc.maxSafeInteger().map((value) => ({ type: int64() as ValueType, value })),
  fc.string({ unit: 'binary' }).map((value) => ({ type: string() as ValueType, value })),
  fc.boolean().map((value) => ({ type: bool() as ValueType, value })),
  fc.uint8Array().map((value) => ({ type: bytes() as ValueType, value })),
  fc.bigInt(int64Bounds).map((value) => ({ type: timestamp() as ValueType, value })),
);

it('gives back what was packed', () => {
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), (parts) => {
      const schema: Schema = Object.fromEntries(parts.map(({ type }, index) => [`k${index}`, type]));
      const values = Object.fromEntries(parts.map(({ value }, index) => [`k${index}`, value]));
      expect(entityKeyValues(schema, entityKey(schema, values))).toEqual(parts.map(({ value }) => value));
    }),
  );
});

it('refuses bytes that are no key of these columns', () => {
  const key = entityKey({ id: int64() }, { id: 7 });
  for (const [schema, bytesGiven] of [
    [{ id: int64() }, key.subarray(0, 5)],
    [{ id: int64() }, Buffer.concat([key, key])],
    [{ a: string(), b: string() }, key.subarray(0, 3)],
    [{ id: int64(), name: string() }, key],
  ] as [Schema, Uint8Array][]) {
    expect(() => entityKeyValues(schema, bytesGiven)).toThrow(DataError);
  }
});
