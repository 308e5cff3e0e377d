import { createHmac } from 'node:crypto';
import { DefinitionError } from '../errors.js';

const prefix = 'whsec_';

/**
 * Signs a message as https://www.standardwebhooks.com has it.
 * @param secret `whsec_` and base64, or any other text, whose bytes are the key.
 * @param sentAt whole seconds since 1970.
 * @returns the header `webhook-signature`.
 * @throws DefinitionError for a secret that can't be used; it is not shown.
 */
export function signature(where: string, secret: string, id: string, sentAt: number, body: string): string {
  const digest = createHmac('sha256', keyOf(where, secret)).update(`${id}.${sentAt}.${body}`).digest('base64');
  return `v1,${digest}`;
}

function keyOf(where: string, secret: string): Buffer {
  if (!secret.startsWith(prefix)) return Buffer.from(secret, 'utf8');
  const encoded = secret.slice(prefix.length).trim();
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return Buffer.from(encoded, 'base64');
  throw new DefinitionError('the secret begins with whsec_, but what follows is no base64', {
    where,
    mend: 'make one with: echo "whsec_$(openssl rand -base64 32)"',
  });
}
