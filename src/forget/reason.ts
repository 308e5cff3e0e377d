import { DefinitionError } from '../errors.js';
import { type ForgottenKey, isWhole, type KeyPart } from './key.js';
import { escaped } from './text.js';

/**
 * The record of a request outlives the entity, with the reason as it was typed.
 * @throws DefinitionError when a value of one of the keys stands in it as a word of its own; the value is not in the message.
 */
export function checkReason(reason: string | undefined, keys: readonly ForgottenKey[]): void {
  if (reason === undefined) return;
  const part = keys.flat().find((one) => tells(reason, one));
  if (part === undefined) return;
  throw new DefinitionError(`the reason holds the value of ${part.name}, and it is kept for good`, {
    where: '--reason',
    mend: 'say why without saying whom, e.g. by the number of a ticket',
  });
}

/** Whatever its case, and with the marks that people write into numbers: 1,001 is 1001. */
function tells(reason: string, part: KeyPart): boolean {
  // That something is true tells nobody apart.
  if (part.kind === 'bool') return false;
  const neighbour = isWhole(part) ? '\\d' : '[\\p{L}\\p{N}]';
  const forms = [reason, reason.replace(/(?<=\d)[,.'’_\s](?=\d{3}(?!\d))/g, '')].map(plain);
  return part.texts.some((text) => {
    if (text === '') return false;
    const word = new RegExp(`(?<!${neighbour})${escaped(plain(text))}(?!${neighbour})`, 'u');
    return forms.some((form) => word.test(form));
  });
}

const plain = (text: string): string => text.normalize('NFKC').toLowerCase();
