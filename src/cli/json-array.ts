import { splitOutermost } from '../batch-source/json-text.js';
import { DefinitionError } from '../errors.js';

/**
 * The elements of a JSON array, each as its own text on one line: numbers stay as they were written, also those that a JavaScript
 * number can't hold.
 * @throws DefinitionError when the text is no JSON array of objects, or an empty one.
 */
export function splitJsonArray(option: string, text: string): string[] {
  const mend = `write e.g. ${option} '[{"driver_id": 1001}]'`;
  const array = parse(option, text, mend);
  if (!Array.isArray(array)) throw new DefinitionError(`${option} is JSON, but no array`, { mend });
  if (array.length === 0) throw new DefinitionError(`${option} has no rows`, { mend });
  const bad = array.findIndex((item) => typeof item !== 'object' || item === null || Array.isArray(item));
  if (bad >= 0) throw new DefinitionError(`${option}: element ${bad + 1} is no object`, { mend });
  // A line break inside a string is always escaped, so none is lost here.
  return splitOutermost(text).map((element) => element.replaceAll(/\s*[\r\n]+\s*/g, ' '));
}

function parse(option: string, text: string, mend: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // Where, not what: the rows may hold personal data, which the parser quotes.
    const [at] = /at position \d+/.exec((error as Error).message) ?? [];
    throw new DefinitionError(`${option} is not valid JSON${at === undefined ? '' : ` ${at}`}`, { mend });
  }
}
