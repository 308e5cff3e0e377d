import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { finalErrorNames } from '../../../src/index.js';
import { EncryptionCodec } from '../../../src/temporal/encryption-codec.js';
import { payloadKeys } from '../../../src/temporal/payload-keys.js';
import { payloadFromBytes, payloadToBytes } from '../../../src/temporal/payload-wire.js';

const payloadOf = (value: unknown): Payload => defaultPayloadConverter.toPayload(value);

const newKey = (id: string): string => `${id}:${randomBytes(32).toString('base64')}`;
const codecOf = (current: string, old: string[] = []): EncryptionCodec =>
  new EncryptionCodec(payloadKeys({ ASOF_PAYLOAD_KEY: current, ASOF_PAYLOAD_OLD_KEYS: old.join(',') }));

/** Temporal's own reading and writing of payloads. */
const { temporal } = createRequire(createRequire(import.meta.url).resolve('@temporalio/common'))(
  '@temporalio/proto',
) as {
  temporal: {
    api: {
      common: { v1: { Payload: { encode(p: Payload): { finish(): Uint8Array }; decode(b: Uint8Array): Payload } } };
    };
  };
};
const { Payload: Proto } = temporal.api.common.v1;

const bytes = fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array));
const payloads = fc.record({
  metadata: fc.dictionary(fc.string({ unit: 'grapheme' }), bytes, { noNullPrototype: true }),
  data: bytes,
});

const plain = ({ metadata, data }: Payload) => ({
  metadata: Object.entries(metadata ?? {}).map(([key, value]) => [key, Buffer.from(value).toString('hex')]),
  data: Buffer.from(data ?? []).toString('hex'),
});

describe('payloads as bytes', () => {
  it('are what Temporal writes and reads, whatever is in them', () => {
    fc.assert(
      fc.property(payloads, (payload) => {
        expect(plain(payloadFromBytes(Proto.encode(payload).finish()))).toEqual(plain(payload));
        expect(plain(Proto.decode(payloadToBytes(payload)))).toEqual(plain(payload));
      }),
    );
  });

  it('are refused when they are cut anywhere, or passed over as far as they are whole fields', () => {
    const whole = payloadToBytes(payloadOf({ some: 'value' }));
    for (let length = 0; length < whole.length; length += 1) {
      try {
        const read = payloadFromBytes(whole.subarray(0, length));
        expect(Buffer.from(read.data ?? []).length).toBe(0);
      } catch (error) {
        expect(error).toMatchObject({ name: 'PayloadKeyError', message: /no payload of Temporal/ });
      }
    }
  });
});

describe('encrypted payloads', () => {
  it('come back as they were, and show nothing of it before', async () => {
    const codec = codecOf(newKey('k1'));
    await fc.assert(
      fc.asyncProperty(fc.array(payloads, { maxLength: 4 }), async (given) => {
        const encrypted = await codec.encode(given);
        expect((await codec.decode(encrypted)).map(plain)).toEqual(given.map(plain));
        for (const [index, payload] of encrypted.entries()) {
          expect(Object.keys(payload.metadata ?? {})).toEqual(['encoding', 'encryption-key-id']);
          const secret = given[index]?.data ?? Buffer.alloc(0);
          if (secret.length > 8) expect(Buffer.from(payload.data ?? []).includes(secret)).toBe(false);
        }
      }),
    );
  });

  it('name encoding and key id, and never use a nonce twice', async () => {
    const codec = codecOf(newKey('2026-01'));
    const encrypted = await codec.encode(Array.from({ length: 2_000 }, () => payloadOf('the same')));
    expect(String(encrypted[0]?.metadata?.['encoding'])).toBe('binary/encrypted');
    expect(String(encrypted[0]?.metadata?.['encryption-key-id'])).toBe('2026-01');
    const nonces = encrypted.map(({ data }) =>
      Buffer.from(data ?? [])
        .subarray(0, 12)
        .toString('hex'),
    );
    expect(new Set(nonces).size).toBe(2_000);
    expect(Buffer.from(encrypted[0]?.data ?? []).length).toBe(12 + 16 + payloadToBytes(payloadOf('the same')).length);
  });

  it('of an older key are read after a rotation, and new ones are written with the new key', async () => {
    const [first, second] = [newKey('first'), newKey('second')];
    const before = await codecOf(first).encode([payloadOf('old')]);
    const rotated = codecOf(second, [first]);
    const after = await rotated.encode([payloadOf('new')]);
    const read = await rotated.decode([...before, ...after]);
    expect(read.map(({ data }) => String(data))).toEqual(['"old"', '"new"']);
    expect(String(after[0]?.metadata?.['encryption-key-id'])).toBe('second');
    // Who only got the new key as an old one, before the switch, reads both too.
    expect((await codecOf(first, [second]).decode([...before, ...after])).length).toBe(2);
  });

  it('are mixed with others that are not encrypted, which pass', async () => {
    const open = payloadOf('open');
    const codec = codecOf(newKey('k1'));
    const decoded = await codec.decode([open, ...(await codec.encode([payloadOf(1)]))]);
    expect(decoded.map(({ data }) => Buffer.from(data ?? []).toString())).toEqual(['"open"', '1']);
    const off = new EncryptionCodec(payloadKeys({}));
    expect(await off.encode([open])).toEqual([open]);
    expect(await off.decode([open])).toEqual([open]);
  });

  it('are refused when a single bit of them was changed', async () => {
    const codec = codecOf(newKey('k1'));
    const [payload] = await codec.encode([payloadOf({ amount: 100 })]);
    const data = Buffer.from(payload?.data ?? []);
    for (let bit = 0; bit < data.length * 8; bit += 1) {
      const changed = Buffer.from(data);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await expect(codec.decode([{ ...payload, data: changed }])).rejects.toMatchObject({
        name: 'PayloadKeyError',
        message: /can't be decrypted with the key "k1"/,
        mend: /had the id "k1"/,
      });
    }
  });

  it('say which key is missing, that it is a wrong one, or that they are cut', async () => {
    const [payload] = await codecOf(newKey('k1')).encode([payloadOf('x')]);
    const stranger = newKey('k2');
    await expect(codecOf(stranger).decode([payload as Payload])).rejects.toMatchObject({
      message: /encrypted with the key "k1", which this process does not have \(it has k2\)/,
      mend: /ASOF_PAYLOAD_OLD_KEYS as k1:/,
    });
    await expect(new EncryptionCodec(payloadKeys({})).decode([payload as Payload])).rejects.toThrow(/it has none/);
    const wrong = newKey('k1');
    const failure = await codecOf(wrong)
      .decode([payload as Payload])
      .catch((error: Error) => error);
    expect(failure).toMatchObject({ message: /another key of that id, or changed since/ });
    expect(String(failure)).not.toContain(wrong.slice(3));
    for (const length of [0, 27]) {
      const data = Buffer.from(payload?.data ?? []).subarray(0, length);
      await expect(codecOf(newKey('k1')).decode([{ ...payload, data }])).rejects.toThrow(
        /cut short: \d+ bytes, at least 28/,
      );
    }
  });

  it('that one worker has no key for are tried again elsewhere: the error is none of the final ones', () => {
    expect(finalErrorNames).not.toContain('PayloadKeyError');
  });
});

describe('keys of the environment', () => {
  const key = randomBytes(32).toString('base64');

  it.each([
    ['no colon', key, /ASOF_PAYLOAD_KEY: it has no colon/],
    ['no id', `:${key}`, /a key id is 1 to 64/],
    ['a blank in the id', `my key:${key}`, /a key id is 1 to 64/],
    ['no key', 'k1:', /the key "k1" is no base64/],
    ['no base64', `k1:${key.slice(0, -4)}!!!!`, /the key "k1" is no base64/],
    ['a short key', `k1:${Buffer.alloc(16).toString('base64')}`, /the key "k1" has 16 bytes, not 32/],
    ['a long key', `k1:${Buffer.alloc(64).toString('base64')}`, /has 64 bytes, not 32/],
  ])('are refused with %s, without telling them', (_, text, message) => {
    for (const env of [{ ASOF_PAYLOAD_KEY: text }, { ASOF_PAYLOAD_OLD_KEYS: `k0:${key},${text}` }]) {
      const refused = attempt(env);
      expect(refused).toMatchObject({ name: 'DefinitionError', mend: /openssl rand -base64 32/ });
      expect(refused.message.replace('OLD_KEYS', 'KEY')).toMatch(message);
      expect(`${refused.message} ${refused.mend}`).not.toContain(key.slice(0, -4));
    }
  });

  it('are refused when one id has two of them, and accepted when it is the same twice', () => {
    const other = randomBytes(32).toString('base64');
    expect(attempt({ ASOF_PAYLOAD_KEY: `k:${key}`, ASOF_PAYLOAD_OLD_KEYS: `k:${other}` })).toMatchObject({
      message: /"k" is given twice/,
    });
    expect(payloadKeys({ ASOF_PAYLOAD_KEY: `k:${key}`, ASOF_PAYLOAD_OLD_KEYS: ` k:${key} , ` }).byId.size).toBe(1);
  });

  it('are none when unset or empty; old ones alone only decrypt', () => {
    expect(payloadKeys({})).toEqual({ current: undefined, byId: new Map() });
    expect(payloadKeys({ ASOF_PAYLOAD_KEY: '', ASOF_PAYLOAD_OLD_KEYS: '' }).byId.size).toBe(0);
    const old = payloadKeys({ ASOF_PAYLOAD_OLD_KEYS: `k1:${key}` });
    expect([old.current, [...old.byId.keys()]]).toEqual([undefined, ['k1']]);
  });

  function attempt(env: NodeJS.ProcessEnv): Error & { mend?: string } {
    try {
      payloadKeys(env);
    } catch (error) {
      return error as Error;
    }
    throw new Error('the keys were accepted');
  }
});
