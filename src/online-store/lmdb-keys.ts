import { createHash } from 'node:crypto';
import { DefinitionError } from '../errors.js';

/**
 * Where things lie in LMDB's one ordered key space: `project 0 view 0 kind rest`. Names hold no zero byte, so every project and
 * every view is one unbroken range, and no range contains another's keys.
 */
const kinds = { row: 'r', hashedRow: 's', note: 'n' } as const;

/** LMDB takes keys of 1978 bytes; project and view names take at most 130 of them. Longer entity keys are stored by their hash. */
const inlineKeyMax = 1500;

export interface ViewKeys {
  /** Storage key of an entity key. */
  row(key: Uint8Array): Buffer;
  /** Whether the row is stored under a hash, with its entity key kept behind it. */
  isHashed(storageKey: Uint8Array): boolean;
  /** The entity key of an inline storage key. */
  entityKey(storageKey: Uint8Array): Uint8Array;
  note(name: string): Buffer;
  /** From the first key of the view's rows to behind the last. */
  readonly rows: KeyRange;
  /** Likewise of all that belongs to the view. */
  readonly all: KeyRange;
}

export interface KeyRange {
  readonly start: Buffer;
  readonly end: Buffer;
}

const between = (from: string, to: string): KeyRange => ({ start: Buffer.from(from), end: Buffer.from(to) });

const checked = (what: string, name: string): string => {
  if (name !== '' && name.length <= 64 && !name.includes('\0')) return name;
  throw new DefinitionError(`${what} ${JSON.stringify(name)} is not a usable name`, {
    mend: 'use at most 63 letters, digits and underscores',
  });
};

/** Everything of one project. */
export const projectKeys = (project: string): KeyRange => {
  const name = checked('project', project);
  return between(`${name}\0`, `${name}\x01`);
};

export function viewKeys(project: string, view: string): ViewKeys {
  const base = `${project}\0${checked('view', view)}\0`;
  const inline = Buffer.from(base + kinds.row);
  const hashed = Buffer.from(base + kinds.hashedRow);
  const kindAt = inline.length - 1;
  return {
    row(key) {
      if (key.length > inlineKeyMax) return Buffer.concat([hashed, createHash('sha256').update(key).digest()]);
      const storageKey = Buffer.allocUnsafe(inline.length + key.length);
      storageKey.set(inline);
      storageKey.set(key, inline.length);
      return storageKey;
    },
    isHashed: (storageKey) => storageKey[kindAt] === hashed[kindAt],
    entityKey: (storageKey) => storageKey.subarray(inline.length),
    note: (name) => Buffer.from(`${base}${kinds.note}${name}`),
    rows: between(base + kinds.row, `${base}t`),
    all: between(base, `${base.slice(0, -1)}\x01`),
  };
}

/** A row stored under a hash, with its entity key behind it, so that a scan can tell the key. */
export function withEntityKey(row: Uint8Array, key: Uint8Array): Buffer {
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(key.length);
  return Buffer.concat([row, key, length]);
}

/** Undoes {@link withEntityKey}. */
export function splitEntityKey(stored: Buffer): { row: Buffer; key: Buffer } {
  const keyEnd = stored.length - 4;
  const keyStart = keyEnd - stored.readUInt32BE(keyEnd);
  return { row: stored.subarray(0, keyStart), key: stored.subarray(keyStart, keyEnd) };
}
