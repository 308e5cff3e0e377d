import { DataError } from '../errors.js';
import type { Schema } from '../types.js';

/** Values whose length is not given by their type. */
const variableKinds = new Set(['string', 'bytes']);

/**
 * Undoes the packing of entity-key.ts: whole numbers as number where that is exact and bigint elsewhere, timestamps as bigint
 * microseconds.
 * @throws DataError when the bytes are no key of these columns.
 */
export function entityKeyValues(joinKeys: Schema, key: Uint8Array): unknown[] {
  const kinds = Object.values(joinKeys).map(({ kind }) => kind);
  const bytes = Buffer.from(key.buffer, key.byteOffset, key.byteLength);
  const lengths = variableLengths(kinds, bytes);
  let at = 0;
  return kinds.map((kind) => {
    at += 1; // the type tag
    const size = variableKinds.has(kind) ? (lengths.shift() as number) : kind === 'bool' ? 1 : 8;
    const value = bytes.subarray(at, at + size);
    at += size;
    switch (kind) {
      case 'string':
        return value.toString('utf8');
      case 'bytes':
        return Uint8Array.from(value);
      case 'bool':
        return value[0] === 1;
      default: {
        const whole = BigInt.asIntN(64, value.readBigUInt64BE() ^ (1n << 63n));
        const number = Number(whole);
        return kind !== 'timestamp' && Number.isSafeInteger(number) ? number : whole;
      }
    }
  });
}

/** The lengths of all variable parts stand at the end, but for the first's, which is what is left. */
function variableLengths(kinds: readonly string[], bytes: Buffer): number[] {
  const variable = kinds.filter((kind) => variableKinds.has(kind)).length;
  const fixed = kinds.reduce((sum, kind) => sum + 1 + (variableKinds.has(kind) ? 0 : kind === 'bool' ? 1 : 8), 0);
  const trailer = 4 * Math.max(0, variable - 1);
  let rest = bytes.length - fixed - trailer;
  const lengths: number[] = [];
  if (rest >= 0) {
    for (let at = bytes.length - trailer; at < bytes.length; at += 4) lengths.push(bytes.readUInt32BE(at));
    for (const length of lengths) rest -= length;
  }
  if (rest < 0 || (variable === 0 && rest !== 0)) {
    throw new DataError('an online key does not fit the join keys of its view', {
      mend: 'run `asof materialize --full` to write the rows again from the lake',
    });
  }
  return variable === 0 ? [] : [rest, ...lengths];
}
