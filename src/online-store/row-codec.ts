import { Packr } from 'msgpackr';
import { DataError } from '../errors.js';
import { itemsOf, type Schema, type ValueType } from '../types.js';
import {
  headerLayout as at,
  committedOf,
  generationOf,
  isTombstone,
  readU32,
  reflectsOf,
  rowFormat,
  tombstoneFlag,
  writeU32,
  writeU64,
} from './row-header.js';
import type { StoredSchema } from './stored-schema.js';

export { compareTies, withReflects } from './row-header.js';

/** What a row is made of. Times are microseconds since 1970; snapshots and generation are whole numbers >= 0. */
export interface RowParts {
  readonly generation: number;
  /** The snapshot that holds the row. */
  readonly committed: number;
  /** The snapshot up to which the row is known to be the newest; 0 for streams and pushes, which don't know. */
  readonly reflects: number;
  readonly eventUs: bigint;
  readonly createdUs: bigint | null;
  readonly ingestUs: bigint;
  /** The row's position in its source. */
  readonly position: number | bigint;
  readonly schema: StoredSchema;
  /** In the order of the schema's features; timestamps as Date or bigint microseconds; null and undefined are null. */
  readonly values: readonly unknown[];
}

export interface RowHeader extends Omit<RowParts, 'schema' | 'values' | 'position'> {
  readonly tombstone: boolean;
  readonly position: bigint;
  /** Undefined for a tombstone. */
  readonly schemaId: string | undefined;
}

export interface DecodedRow {
  readonly eventUs: bigint;
  readonly createdUs: bigint | null;
  /** By feature: int64 as number or bigint as it was written, timestamps as bigint microseconds, bytes, lists as arrays, null. */
  readonly values: Readonly<Record<string, unknown>>;
}

type Change = (value: unknown) => unknown;

interface Packing {
  readonly packr: Packr;
  readonly idBytes: Buffer;
  readonly names: readonly string[];
  /** Per feature, where a value is changed on its way in or out; undefined = as it is. */
  readonly pack: readonly (Change | undefined)[];
  readonly unpack: readonly (Change | undefined)[];
}

// MessagePack writes whole floats as integers, which have no -0: it travels as this text, which no float is.
const minusZero = '-0';
const packFloat = (value: number): unknown => (value === 0 && Object.is(value, -0) ? minusZero : value);
const unpackFloat: Change = (value) => (value === minusZero ? -0 : value);

function packChange(type: ValueType): Change | undefined {
  switch (type.kind) {
    case 'float32':
      return (value) => packFloat(Math.fround(value as number));
    case 'float64':
      return (value) => packFloat(value as number);
    case 'timestamp':
      return (value) => (value instanceof Date ? BigInt(value.getTime()) * 1000n : value);
    case 'list': {
      const item = packChange(itemsOf(type));
      return item && ((value) => (value as unknown[]).map((v) => (v === null ? null : item(v))));
    }
    default:
      return undefined;
  }
}

function unpackChange(type: ValueType): Change | undefined {
  if (type.kind === 'float32' || type.kind === 'float64') return unpackFloat;
  if (type.kind !== 'list') return undefined;
  const item = unpackChange(itemsOf(type));
  return item && ((value) => (value as unknown[]).map(item));
}

const hasDouble = (type: ValueType): boolean =>
  type.kind === 'float64' || (type.kind === 'list' && hasDouble(itemsOf(type)));

const packings = new WeakMap<StoredSchema, Packing>();

function packingOf(schema: StoredSchema): Packing {
  const known = packings.get(schema);
  if (known !== undefined) return known;
  const types = Object.values(schema.features as Schema);
  const packing: Packing = {
    // Without doubles every fraction is a float32 already, so the short form loses nothing.
    packr: new Packr({ useRecords: false, useFloat32: types.some(hasDouble) ? 0 : 1 }),
    idBytes: Buffer.from(schema.id, 'hex'),
    names: Object.keys(schema.features),
    pack: types.map(packChange),
    unpack: types.map(unpackChange),
  };
  packings.set(schema, packing);
  return packing;
}

function writeI64(row: Buffer, offset: number, value: number | bigint): void {
  // Times within 285 years of 1970 are exact as numbers, which are written several times faster than bigints.
  const number = Number(value);
  if (Number.isSafeInteger(number)) {
    writeU32(row, offset, Math.floor(number / 2 ** 32) ^ 0x80000000);
    writeU32(row, offset + 4, number);
  } else {
    row.writeBigUInt64BE(BigInt.asUintN(64, BigInt(value)) ^ (1n << 63n), offset);
  }
}

const readI64 = (row: Uint8Array, offset: number): bigint =>
  BigInt.asIntN(64, bufferOf(row).readBigUInt64BE(offset) ^ (1n << 63n));

const bufferOf = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function writeHead(row: Buffer, flags: number, generation: number, committed: number, reflects: number): void {
  row[at.version] = rowFormat;
  row[at.flags] = flags;
  writeU32(row, at.generation, generation);
  writeU64(row, at.committed, committed);
  writeU64(row, at.reflects, reflects);
}

/**
 * Tells msgpackr to leave as many bytes free before the values as the option's low byte says: so head and values are made in one
 * buffer. Its package declares this number as RESERVE_START_SPACE but does not export it.
 */
const reserveStart = 2_048;

/** Packs one row for the online store. Values are trusted to be of their feature's type. */
export function encodeRow(parts: RowParts): Uint8Array {
  const { packr, idBytes, pack } = packingOf(parts.schema);
  const values = new Array<unknown>(pack.length);
  for (let index = 0; index < pack.length; index += 1) {
    const value = parts.values[index] ?? null;
    const change = pack[index];
    values[index] = value === null || change === undefined ? value : change(value);
  }
  const row = packr.pack(values, reserveStart | at.payload);
  writeHead(row, 0, parts.generation, parts.committed, parts.reflects);
  writeI64(row, at.tiesStart, parts.eventUs);
  if (parts.createdUs === null) {
    row.fill(0, at.created, at.ingest);
  } else {
    row[at.created] = 1;
    writeI64(row, at.created + 1, parts.createdUs);
  }
  writeI64(row, at.ingest, parts.ingestUs);
  writeI64(row, at.position, parts.position);
  row.set(idBytes, at.schemaId);
  return row;
}

/** What stays of a deleted row: nothing committed at or before this snapshot may come back. */
export function encodeTombstone({ generation, snapshot }: { generation: number; snapshot: number }): Uint8Array {
  const row = Buffer.alloc(at.tiesEnd);
  writeHead(row, tombstoneFlag, generation, snapshot, snapshot);
  return row;
}

function unreadable(why: string, cause?: unknown): DataError {
  return new DataError(`an online row is unreadable: ${why}`, {
    mend: 'run `asof materialize --full` to write the rows again from the lake',
    cause,
  });
}

function checkFormat(row: Uint8Array): void {
  if (row.length < at.tiesEnd || (!isTombstone(row) && row.length <= at.payload)) throw unreadable('it is cut short');
  if (row[at.version] !== rowFormat)
    throw unreadable(`its format ${row[at.version]} is unknown to this version of asof`);
}

/** @throws DataError when the row is cut short or of an unknown format. */
export function decodeHeader(row: Uint8Array): RowHeader {
  checkFormat(row);
  const tombstone = isTombstone(row);
  return {
    tombstone,
    generation: generationOf(row),
    committed: committedOf(row),
    reflects: reflectsOf(row),
    eventUs: readI64(row, at.tiesStart),
    createdUs: row[at.created] === 0 ? null : readI64(row, at.created + 1),
    ingestUs: readI64(row, at.ingest),
    position: readI64(row, at.position),
    schemaId: tombstone ? undefined : schemaIdOf(row),
  };
}

/** Microseconds since 1970. */
export const eventUsOf = (row: Uint8Array): bigint => readI64(row, at.tiesStart);

/** The same as a number: exact within 285 years of 1970, a little off beyond. Many times faster than a bigint. */
export function eventUsNumber(row: Uint8Array): number {
  const high = readU32(row, at.tiesStart) - 0x80000000;
  return high * 2 ** 32 + readU32(row, at.tiesStart + 4);
}

/** Whether both rows were written with one schema. @throws DataError when `row` is cut short or of an unknown format. */
export function hasSchemaOf(row: Uint8Array, other: Uint8Array): boolean {
  checkFormat(row);
  for (let index: number = at.schemaId; index < at.payload; index += 1) if (row[index] !== other[index]) return false;
  return true;
}

/** The id of the schema the row was written with; the row must not be a tombstone. @throws DataError as {@link decodeHeader}. */
export function schemaIdOf(row: Uint8Array): string {
  checkFormat(row);
  return bufferOf(row).toString('hex', at.schemaId, at.payload);
}

/** The row's values in the order of the schema it was written with. @throws DataError when they are damaged. */
export function decodeValues(row: Uint8Array, schema: StoredSchema): unknown[] {
  const { packr, unpack } = packingOf(schema);
  let values: unknown;
  try {
    values = packr.unpack(bufferOf(row), { start: at.payload, end: row.length });
  } catch (error) {
    throw unreadable('its values are damaged', error);
  }
  if (!Array.isArray(values) || values.length !== unpack.length) throw unreadable('its values do not fit its schema');
  for (let index = 0; index < unpack.length; index += 1) {
    const change = unpack[index];
    if (change !== undefined && values[index] !== null) values[index] = change(values[index]);
  }
  return values;
}

/**
 * @param schemas must hold the schema the row was written with.
 * @throws DataError when the row is a tombstone, damaged, or its schema is not among `schemas`.
 */
export function decodeRow(row: Uint8Array, schemas: ReadonlyMap<string, StoredSchema>): DecodedRow {
  const { tombstone, schemaId, eventUs, createdUs } = decodeHeader(row);
  if (tombstone || schemaId === undefined) throw unreadable('it was deleted');
  const schema = schemas.get(schemaId);
  if (schema === undefined) throw unreadable(`its schema ${schemaId} is not in the store`);
  const values = decodeValues(row, schema);
  return {
    eventUs,
    createdUs,
    values: Object.fromEntries(packingOf(schema).names.map((name, index) => [name, values[index]])),
  };
}
