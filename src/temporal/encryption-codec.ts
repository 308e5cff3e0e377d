import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import { PayloadKeyError } from './payload-key-error.js';
import type { PayloadKeys } from './payload-keys.js';
import { payloadFromBytes, payloadToBytes } from './payload-wire.js';

const cipher = 'aes-256-gcm';
const encoding = 'binary/encrypted';
const keyIdMetadata = 'encryption-key-id';
const nonceBytes = 12;
const authTagBytes = 16;

/**
 * Encrypts whole payloads, metadata included: AES-256-GCM with a fresh nonce each; data = nonce, ciphertext, tag. The key's id
 * stands beside it in the clear, so that a key can be replaced while payloads of the old one are still around. Payloads that are
 * not encrypted pass, so that encryption can be switched on and off under running workflows.
 */
export class EncryptionCodec implements PayloadCodec {
  readonly #keys: PayloadKeys;

  constructor(keys: PayloadKeys) {
    this.#keys = keys;
  }

  async encode(payloads: Payload[]): Promise<Payload[]> {
    const { current } = this.#keys;
    return current === undefined ? payloads : payloads.map((payload) => this.#encrypt(payload, current));
  }

  /** @throws PayloadKeyError when a key is missing or wrong, or a payload was changed or cut. */
  async decode(payloads: Payload[]): Promise<Payload[]> {
    return payloads.map((payload) => (text(payload, 'encoding') === encoding ? this.#decrypt(payload) : payload));
  }

  #encrypt(payload: Payload, keyId: string): Payload {
    const nonce = randomBytes(nonceBytes);
    const work = createCipheriv(cipher, this.#key(keyId), nonce, { authTagLength: authTagBytes });
    const ciphertext = [work.update(payloadToBytes(payload)), work.final()];
    return {
      metadata: { encoding: Buffer.from(encoding), [keyIdMetadata]: Buffer.from(keyId) },
      data: Buffer.concat([nonce, ...ciphertext, work.getAuthTag()]),
    };
  }

  #decrypt(payload: Payload): Payload {
    const keyId = text(payload, keyIdMetadata);
    const key = this.#key(keyId);
    const data = payload.data ?? new Uint8Array();
    if (data.length < nonceBytes + authTagBytes) {
      throw new PayloadKeyError(
        `an encrypted payload is cut short: ${data.length} bytes, at least ${nonceBytes + authTagBytes} expected`,
        { mend: 'it was damaged after it was written; start the run anew' },
      );
    }
    const work = createDecipheriv(cipher, key, data.subarray(0, nonceBytes), { authTagLength: authTagBytes });
    work.setAuthTag(data.subarray(data.length - authTagBytes));
    let plain: Buffer;
    try {
      plain = Buffer.concat([work.update(data.subarray(nonceBytes, data.length - authTagBytes)), work.final()]);
    } catch (error) {
      throw new PayloadKeyError(
        `a payload can't be decrypted with the key "${keyId}": it was written with another key of that id, or changed since`,
        {
          mend: `give the key that had the id "${keyId}" when the payload was written, in ASOF_PAYLOAD_KEY or ASOF_PAYLOAD_OLD_KEYS`,
          cause: error,
        },
      );
    }
    return payloadFromBytes(plain);
  }

  #key(id: string): Uint8Array {
    const key = this.#keys.byId.get(id);
    if (key !== undefined) return key;
    const known = [...this.#keys.byId.keys()].join(', ');
    throw new PayloadKeyError(
      `a payload is encrypted with the key "${id}", which this process does not have (it has ${known || 'none'})`,
      { mend: `add it to ASOF_PAYLOAD_OLD_KEYS as ${id}:<key> and start again` },
    );
  }
}

const text = ({ metadata }: Payload, name: string): string => Buffer.from(metadata?.[name] ?? []).toString('utf8');
