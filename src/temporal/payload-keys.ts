import { DefinitionError } from '../index.js';

/** Bytes of a key of AES-256. */
const keyBytes = 32;

const currentVariable = 'ASOF_PAYLOAD_KEY';
const oldVariable = 'ASOF_PAYLOAD_OLD_KEYS';

/** Keys of payloads by their ids, which are not secret: each encrypted payload names the one it was written with. */
export interface PayloadKeys {
  /** New payloads are encrypted with this one; without it they stay as they are, and encrypted ones can still be read. */
  readonly current: string | undefined;
  readonly byId: ReadonlyMap<string, Uint8Array>;
}

/**
 * The keys of the environment: ASOF_PAYLOAD_KEY encrypts and decrypts, ASOF_PAYLOAD_OLD_KEYS (comma separated) only decrypt. Each
 * is `<id>:<base64 of 32 bytes>`. Unset or empty means none.
 * @throws DefinitionError when one is malformed, or one id has two keys. No error tells a key.
 */
export function payloadKeys(env: NodeJS.ProcessEnv = process.env): PayloadKeys {
  const given = (env[currentVariable] ?? '').trim();
  const older = (env[oldVariable] ?? '').split(',').map((text) => text.trim());
  const current = given === '' ? undefined : parseKey(given, currentVariable);
  const byId = new Map(current === undefined ? [] : [current]);
  for (const text of older.filter((part) => part !== '')) {
    const [id, key] = parseKey(text, oldVariable);
    const known = byId.get(id);
    if (known !== undefined && !Buffer.from(known).equals(key)) {
      throw new DefinitionError(`the key id "${id}" is given twice, with different keys`, {
        where: oldVariable,
        mend: 'give every new key an id of its own: payloads name their key by it',
      });
    }
    byId.set(id, key);
  }
  return { current: current?.[0], byId };
}

function parseKey(text: string, where: string): [id: string, key: Uint8Array] {
  const colon = text.indexOf(':');
  if (colon < 0) throw malformed(where, 'it has no colon between key id and key');
  const id = text.slice(0, colon);
  if (!/^[\w.-]{1,64}$/.test(id)) throw malformed(where, 'a key id is 1 to 64 letters, digits, ".", "_" or "-"');
  const base64 = text.slice(colon + 1);
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(base64)) throw malformed(where, `the key "${id}" is no base64`);
  const key = Buffer.from(base64, 'base64');
  if (key.length !== keyBytes) throw malformed(where, `the key "${id}" has ${key.length} bytes, not ${keyBytes}`);
  return [id, key];
}

const malformed = (where: string, what: string): DefinitionError =>
  new DefinitionError(`${what}; a key is written <id>:<base64 of ${keyBytes} bytes>`, {
    where,
    mend: `make one with: echo "2026-01:$(openssl rand -base64 ${keyBytes})"`,
  });
