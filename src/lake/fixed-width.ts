import { BIGINT, DOUBLE, type DuckDBType, type DuckDBVector, FLOAT, INTEGER, TIMESTAMPTZ } from '@duckdb/node-api';

type Items = Int32Array | BigInt64Array | Float32Array | Float64Array;

/** The values of a fixed-width vector as they lie in memory. */
export interface FixedWidth {
  readonly items: Items;
  /** One bit per item from the lowest on, 0 = null; undefined = none is null. */
  readonly valid: Uint8Array | undefined;
}

const itemsOfType: readonly (readonly [DuckDBType, new (...args: never[]) => Items])[] = [
  [INTEGER, Int32Array],
  [BIGINT, BigInt64Array],
  [FLOAT, Float32Array],
  [DOUBLE, Float64Array],
  [TIMESTAMPTZ, BigInt64Array],
];

/**
 * The driver gives values out one by one, with bigint arithmetic for each null bit and an object for each time: four times the work
 * of reading the array it has. That array is a private field, so it is only taken where it is as the pinned release has it.
 * @returns undefined where it is not, or the type has none: then `getItem` has to be asked.
 */
export function fixedWidth(vector: DuckDBVector): FixedWidth | undefined {
  const expected = itemsOfType.find(([type]) => type === vector.type)?.[1];
  const { items, validity } = vector as unknown as { items?: unknown; validity?: { data?: unknown; offset?: unknown } };
  if (expected === undefined || !(items instanceof expected) || validity?.offset !== 0) return undefined;
  if (validity.data === null) return { items, valid: undefined };
  if (!(validity.data instanceof BigUint64Array)) return undefined;
  const { buffer, byteOffset, byteLength } = validity.data;
  return { items, valid: new Uint8Array(buffer, byteOffset, byteLength) };
}
