import { DefinitionError } from '../errors.js';
import { parseMoment } from '../transform/moment.js';

/** `a,b` → its parts without blanks around them. @throws DefinitionError when a part is empty. */
export function listOption(option: string, text: string): string[] {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.every((part) => part !== '')) return parts;
  throw new DefinitionError(`${option} ${JSON.stringify(text)} has an empty part`, {
    mend: `separate names by one comma each, e.g. ${option} a,b`,
  });
}

/** An ISO time; without a zone it is UTC. */
export function timeOption(option: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const time = parseMoment(text.trim());
  if (time !== undefined) return time;
  throw new DefinitionError(`${option} ${JSON.stringify(text)} is no time`, {
    mend: `write e.g. ${option} 2021-07-28T10:00:00Z; without a zone it is UTC`,
  });
}

/** A whole number that is not negative. */
export function countOption(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const count = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(count)) return count;
  throw new DefinitionError(`${option} ${JSON.stringify(text)} is no whole number`, {
    mend: `write e.g. ${option} 12`,
  });
}

/** @throws DefinitionError when more than one of these options was given. */
export function atMostOne(given: Readonly<Record<string, unknown>>): void {
  const names = Object.keys(given).filter((name) => given[name] !== undefined && given[name] !== false);
  if (names.length <= 1) return;
  throw new DefinitionError(`${names.join(' and ')} can't be used together`, { mend: 'leave all but one out' });
}
