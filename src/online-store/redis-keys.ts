/**
 * Where things lie in Redis. All keys of a project begin with `asof:project:{ttt}:`; `ttt` is one of 256 hash tags, by which a
 * Cluster spreads them over its slots. Rows of one entity have the same tag in all views with the same join keys, so that one MGET
 * reads them, and rows of one tag are written by one script.
 *
 * | key                          | type   | what                                                        |
 * |------------------------------|--------|-------------------------------------------------------------|
 * | `asof:p:{ttt}:r:view:entity` | string | a packed row; the tag is CRC16(entity key) modulo 256       |
 * | `asof:p:{ttt}:n:view`        | hash   | the view's notes by name; the tag is CRC16(view) modulo 256 |
 * | `asof:p:{ttt}:m:view`        | hash   | the view's marks by name, the same under each of the tags   |
 *
 * This is how stored data lies: a change makes every store unreadable.
 */
export const tagCount = 256;

/** Three digits for each tag, so that prefixes are of one length. */
const tagText = Array.from({ length: tagCount }, (_, tag) => String(tag).padStart(3, '0'));

const crcTable = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021;
  return crc;
});

/** CRC16 (XMODEM), which Redis Cluster uses for slots. */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (let index = 0; index < bytes.length; index += 1) {
    crc = ((crc << 8) & 0xffff) ^ (crcTable[(crc >> 8) ^ (bytes[index] as number)] as number);
  }
  return crc;
}

/** The slots of a Cluster in which the tags' keys lie. */
export const tagSlots: readonly number[] = tagText.map((tag) => crc16(Buffer.from(tag)) & 16_383);

/** The tag of an entity's rows. */
export const tagOf = (key: Uint8Array): number => crc16(key) & (tagCount - 1);

/** Names as parts of keys: no separator, brace or glob character is left in them, and different names stay different. */
const escaped = (name: string): string =>
  encodeURIComponent(name).replace(/[!'()*~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

/** Glob pattern of all keys of a project. */
export const projectPattern = (project: string): string => `asof:${escaped(project)}:{*`;

export interface RedisViewKeys {
  /** The key of an entity's row under its tag (see {@link tagOf}). */
  row(key: Uint8Array, tag: number): Buffer;
  /** The entity key of a row's key. */
  entityKey(storageKey: Buffer): Buffer;
  /** Glob pattern of all rows. */
  readonly rowPattern: string;
  readonly notes: { readonly key: string; readonly tag: number };
  /** By tag. */
  readonly marks: readonly string[];
}

export function redisViewKeys(project: string, view: string): RedisViewKeys {
  const base = `asof:${escaped(project)}:`;
  const name = escaped(view);
  const prefixes = tagText.map((tag) => Buffer.from(`${base}{${tag}}:r:${name}:`));
  const prefixLength = (prefixes[0] as Buffer).length;
  const noteTag = tagOf(Buffer.from(view));
  return {
    row(key, tag) {
      const storageKey = Buffer.allocUnsafe(prefixLength + key.length);
      storageKey.set(prefixes[tag] as Buffer);
      storageKey.set(key, prefixLength);
      return storageKey;
    },
    entityKey: (storageKey) => storageKey.subarray(prefixLength),
    rowPattern: `${base}{*}:r:${name}:*`,
    notes: { key: `${base}{${tagText[noteTag]}}:n:${name}`, tag: noteTag },
    marks: tagText.map((tag) => `${base}{${tag}}:m:${name}`),
  };
}

/** The tag of any key of ours. */
export function tagOfStorageKey(storageKey: Buffer): number {
  const open = storageKey.indexOf('{');
  return Number(storageKey.toString('latin1', open + 1, open + 4));
}
