/**
 * The head of every online row, big-endian, at fixed places: engines decide by it without knowing anything of the values, be it in
 * TypeScript or in a script inside the store.
 *
 * | bytes  | what                                                                    |
 * |--------|-------------------------------------------------------------------------|
 * | 0      | format version, 1                                                       |
 * | 1      | flags: bit 0 = tombstone                                                |
 * | 2..5   | generation, u32                                                         |
 * | 6..13  | committed: the snapshot that holds the row, u64                         |
 * | 14..21 | reflects: the snapshot up to which it is known to be the newest, u64    |
 * | 22..29 | event time, microseconds, i64 with its sign bit flipped                 |
 * | 30     | 1 when there is a created time, else 0                                  |
 * | 31..38 | created time, likewise; 0 when there is none                            |
 * | 39..46 | ingest time, likewise                                                   |
 * | 47..54 | ingest position, likewise                                               |
 * | 55..62 | schema id; then the values. A tombstone ends before                     |
 *
 * Bytes 22..54 are the tie slice: compared as unsigned bytes they order rows of one key from older to newer.
 */
export const headerLayout = {
  version: 0,
  flags: 1,
  generation: 2,
  committed: 6,
  reflects: 14,
  tiesStart: 22,
  created: 30,
  ingest: 39,
  position: 47,
  tiesEnd: 55,
  schemaId: 55,
  payload: 63,
} as const;

export const rowFormat = 1;
export const tombstoneFlag = 1;

const at = headerLayout;

export const readU32 = (row: Uint8Array, offset: number): number =>
  (row[offset] as number) * 0x1000000 +
  (((row[offset + 1] as number) << 16) | ((row[offset + 2] as number) << 8) | (row[offset + 3] as number));

const u64 = (row: Uint8Array, offset: number): number => readU32(row, offset) * 2 ** 32 + readU32(row, offset + 4);

export const isTombstone = (row: Uint8Array): boolean => ((row[at.flags] as number) & tombstoneFlag) !== 0;
export const generationOf = (row: Uint8Array): number => readU32(row, at.generation);
export const committedOf = (row: Uint8Array): number => u64(row, at.committed);
export const reflectsOf = (row: Uint8Array): number => u64(row, at.reflects);

/** Negative when `a` is older than `b`, positive when newer, 0 for the same event, created and ingest times and position. */
export function compareTies(a: Uint8Array, b: Uint8Array): number {
  for (let offset = at.tiesStart; offset < at.tiesEnd; offset += 1) {
    const difference = (a[offset] as number) - (b[offset] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The row with another `reflects`; the row itself when it says so already, else a copy. */
export function withReflects(row: Uint8Array, reflects: number): Uint8Array {
  if (reflectsOf(row) === reflects) return row;
  const copy = Buffer.from(row);
  writeU64(copy, at.reflects, reflects);
  return copy;
}

/** The lowest 32 bits of a whole number. Byte by byte, which is half the time of Buffer's methods with their checks. */
export function writeU32(row: Uint8Array, offset: number, value: number): void {
  row[offset] = value >>> 24;
  row[offset + 1] = value >>> 16;
  row[offset + 2] = value >>> 8;
  row[offset + 3] = value;
}

/** @param value a safe integer >= 0. */
export function writeU64(row: Uint8Array, offset: number, value: number): void {
  writeU32(row, offset, Math.floor(value / 2 ** 32));
  writeU32(row, offset + 4, value);
}
