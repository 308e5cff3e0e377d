import { AsofError } from '../index.js';

/**
 * A payload can't be decrypted with the keys this process has. Not final: another worker may have the key, and a run whose key
 * comes back goes on.
 */
export class PayloadKeyError extends AsofError {
  override readonly name = 'PayloadKeyError';
}
