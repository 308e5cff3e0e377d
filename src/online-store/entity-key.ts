import { DataError, DefinitionError } from '../errors.js';
import type { Schema, ValueType } from '../types.js';

/**
 * Packed entity keys: for each join key in declared order a type tag and the value (whole numbers and times as 8 order-preserving
 * bytes, text and bytes as they are), then the lengths of all text and bytes values but the first. The schema says how many of each
 * there are, so the packing can be undone and no two different keys are equal. int32 and int64 pack alike, so widening a join key
 * keeps rows in place. Keys of neighbouring numbers or texts are neighbours, which ordered stores turn into few touched pages.
 */
class KeyWriter {
  bytes: Buffer;
  view: DataView;
  length = 0;
  /** Lengths of the variable parts of the key being written. */
  readonly parts: number[] = [];

  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafeSlow(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow((this.length + more) * 2);
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  tag(tag: number): void {
    this.bytes[this.length] = tag;
    this.length += 1;
  }

  /** A safe integer or a bigint of 64 bits; the sign bit is flipped so that bytes order as numbers do. */
  int(tag: number, value: number | bigint): void {
    this.reserve(9);
    this.tag(tag);
    if (typeof value === 'number') {
      this.view.setInt32(this.length, Math.floor(value / 2 ** 32) ^ 0x80000000);
      this.view.setUint32(this.length + 4, value >>> 0);
    } else {
      this.view.setBigUint64(this.length, BigInt.asUintN(64, value) ^ (1n << 63n));
    }
    this.length += 8;
  }

  finish(): void {
    this.reserve(4 * this.parts.length);
    for (let part = 1; part < this.parts.length; part += 1) {
      this.view.setUint32(this.length, this.parts[part] as number);
      this.length += 4;
    }
    this.parts.length = 0;
  }
}

/** Appends a value; false = the value is not of the type, and nothing was appended. */
type WriteKey = (writer: KeyWriter, value: unknown) => boolean;

const int64Max = 2n ** 63n;
const fitsInt64 = (value: bigint): boolean => value >= -int64Max && value < int64Max;

const writers: Record<string, WriteKey> = {
  int32: (writer, value) => {
    const number = typeof value === 'bigint' ? Number(value) : value;
    if (typeof number !== 'number' || (number | 0) !== number) return false;
    writer.int(1, number);
    return true;
  },
  int64: (writer, value) => {
    if (typeof value === 'number' ? !Number.isSafeInteger(value) : typeof value !== 'bigint' || !fitsInt64(value))
      return false;
    writer.int(1, value as number | bigint);
    return true;
  },
  string: (writer, value) => {
    // A lone surrogate has no UTF-8 form: it would silently become another character's key.
    if (typeof value !== 'string' || /\p{Surrogate}/u.test(value)) return false;
    writer.reserve(1 + value.length * 3);
    writer.tag(2);
    const written = writer.bytes.write(value, writer.length, 'utf8');
    writer.parts.push(written);
    writer.length += written;
    return true;
  },
  bool: (writer, value) => {
    if (typeof value !== 'boolean') return false;
    writer.reserve(2);
    writer.tag(3);
    writer.tag(value ? 1 : 0);
    return true;
  },
  bytes: (writer, value) => {
    if (!(value instanceof Uint8Array)) return false;
    writer.reserve(1 + value.length);
    writer.tag(4);
    writer.bytes.set(value, writer.length);
    writer.parts.push(value.length);
    writer.length += value.length;
    return true;
  },
  timestamp: (writer, value) => {
    const micros = value instanceof Date && !Number.isNaN(value.getTime()) ? BigInt(value.getTime()) * 1000n : value;
    if (typeof micros !== 'bigint' || !fitsInt64(micros)) return false;
    writer.int(5, micros);
    return true;
  },
};

interface KeyPart {
  readonly name: string;
  readonly type: ValueType;
  readonly write: WriteKey;
}

const compiled = new WeakMap<Schema, readonly KeyPart[]>();

function partsOf(joinKeys: Schema): readonly KeyPart[] {
  const known = compiled.get(joinKeys);
  if (known !== undefined) return known;
  const parts = Object.entries(joinKeys).map(([name, type]) => {
    const write = writers[type.kind];
    if (write === undefined)
      throw new DefinitionError(`join key "${name}" is a ${type.kind}, which can't be a join key`, {
        mend: 'use int64() or string()',
      });
    return { name, type, write };
  });
  compiled.set(joinKeys, parts);
  return parts;
}

const shapes: Record<string, string> = {
  int32: 'a whole number of 32 bits',
  int64: 'a whole number; above 9007199254740991 a bigint',
  string: 'a well-formed text',
  bool: 'true or false',
  bytes: 'a Uint8Array',
  timestamp: 'a valid Date',
};

function shown(value: unknown): string {
  const text =
    typeof value === 'string' ? JSON.stringify(value) : typeof value === 'bigint' ? `${value}n` : String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function problem({ name, type }: KeyPart, value: unknown): { what: string; mend: string } {
  const shape = shapes[type.kind] as string;
  if (value === undefined) return { what: `join key "${name}" is missing`, mend: `add ${name}, ${shape}` };
  if (value === null) return { what: `join key "${name}" is null`, mend: `give ${name} a value, ${shape}` };
  return { what: `join key "${name}" is ${shown(value)}, not of type ${type.kind}`, mend: `give ${name} as ${shape}` };
}

const shared = new KeyWriter(1024);

/**
 * The packed key of one entity. Only the join keys are looked at, in their declared order; other properties are ignored.
 * Timestamps are Dates or bigint microseconds.
 * @param where names the row in errors, e.g. `row 3`.
 * @throws DefinitionError for a value that is missing, null or of another type.
 */
export function entityKey(joinKeys: Schema, values: Readonly<Record<string, unknown>>, where?: string): Uint8Array {
  shared.length = 0;
  shared.parts.length = 0;
  for (const part of partsOf(joinKeys)) {
    const value = values[part.name];
    if (part.write(shared, value)) continue;
    const { what, mend } = problem(part, value);
    throw new DefinitionError(what, where === undefined ? { mend } : { where, mend });
  }
  shared.finish();
  return Buffer.from(shared.bytes.subarray(0, shared.length));
}

/**
 * The packed keys of many entities at once, equal to what {@link entityKey} gives for each.
 * @param columns one array per join key in declared order, all of one length, as `columnReader` gives them.
 * @throws DataError for a value that is null or of another type: rows in bulk come from data, not from a request.
 */
export function entityKeys(joinKeys: Schema, columns: readonly (readonly unknown[])[]): Uint8Array[] {
  const parts = partsOf(joinKeys);
  const rows = columns[0]?.length ?? 0;
  const writer = new KeyWriter(64 + rows * 16 * parts.length);
  const ends = new Array<number>(rows);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < parts.length; column += 1) {
      const part = parts[column] as KeyPart;
      const value = columns[column]?.[row];
      if (part.write(writer, value)) continue;
      const { what, mend } = problem(part, value);
      throw new DataError(what, { where: `row ${row}`, mend });
    }
    writer.finish();
    ends[row] = writer.length;
  }
  return ends.map((end, row) => writer.bytes.subarray(row === 0 ? 0 : ends[row - 1], end));
}
