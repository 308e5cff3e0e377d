import { fileURLToPath } from 'node:url';
import type { DataConverter } from '@temporalio/common';
import { EncryptionCodec } from './encryption-codec.js';
import { type PayloadKeys, payloadKeys } from './payload-keys.js';

/** The module that hides messages of failures; bundled with the workflows when payloads are encrypted. */
export const failureConverterPath = fileURLToPath(new URL('./failure-converter.cjs', import.meta.url));

/**
 * How every client and worker turns values into payloads. Without a current key nothing is encrypted, and what is can still be
 * read with older keys, or says which key it needs.
 */
export function dataConverter(keys: PayloadKeys = payloadKeys()): DataConverter {
  const payloadCodecs = [new EncryptionCodec(keys)];
  return keys.current === undefined ? { payloadCodecs } : { payloadCodecs, failureConverterPath };
}
