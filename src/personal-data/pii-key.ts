import { createHmac } from 'node:crypto';
import type { PiiRules } from '../definitions/pii-rules.js';
import { DefinitionError } from '../errors.js';

/** Where the key of hashed personal data is read from; it stands nowhere else. */
export const piiKeyVariable = 'ASOF_PII_KEY';

/** Hashes of phone numbers under a short key are found by trying: 16 bytes are what no one tries out. */
const keyBytesMin = 16;

const mend = `set ${piiKeyVariable} to a long random secret, the same for every worker (e.g. from \`openssl rand -hex 32\`)`;

/** Whether rules need the key. */
export const hashes = (rules: PiiRules = {}): boolean => Object.values(rules).includes('hash');

/**
 * The key of hashed personal data.
 * @param where who needs it: the source, or the command.
 * @throws DefinitionError when there is none, or it is shorter than 16 bytes. The key itself is in no message.
 */
export function piiKey(where: string, env: NodeJS.ProcessEnv = process.env): string {
  const key = env[piiKeyVariable];
  if (key === undefined || key.trim() === '') {
    throw new DefinitionError(`personal data is to be hashed, but ${piiKeyVariable} is not set`, { where, mend });
  }
  if (Buffer.byteLength(key) < keyBytesMin) {
    throw new DefinitionError(`${piiKeyVariable} is shorter than ${keyBytesMin} bytes, too short to keep a secret`, {
      where,
      mend,
    });
  }
  return key;
}

/** Tells keys apart without telling anything of them: the HMAC of a constant. */
export const keyFingerprint = (key: string): string =>
  createHmac('sha256', key).update('asof: which key hashes personal data').digest('hex').slice(0, 32);
