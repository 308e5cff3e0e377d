import type { z } from 'zod';
import { DefinitionError, type Json, type Pipeline } from '../index.js';

/**
 * Arguments of `--param k=v`, each turned into what the pipeline's schema takes there: a number, a boolean, a list (`a,b`, a JSON
 * list or the option repeated), JSON, or the text as it stands. What fits nothing stays as it is: `checkArgs` says what is wrong.
 * @throws DefinitionError when one has no `=`, or one that is no list is given twice.
 */
export function paramValues(
  params: readonly string[],
  { argsSchema }: Pick<Pipeline, 'argsSchema'>,
): Record<string, Json> {
  const texts = new Map<string, string[]>();
  for (const param of params) {
    const at = param.indexOf('=');
    const name = param.slice(0, Math.max(0, at)).trim();
    if (name === '') {
      throw new DefinitionError(`--param ${JSON.stringify(param)} has no name and value`, {
        mend: 'write e.g. --param full=true, or --param views=a,b',
      });
    }
    texts.set(name, [...(texts.get(name) ?? []), param.slice(at + 1)]);
  }
  return Object.fromEntries([...texts].map(([name, given]) => [name, meant(name, given, schemaOf(argsSchema, name))]));
}

/** The schema decides among what a text can mean, so that types of all kinds, refined and united ones too, need no rules here. */
function meant(name: string, given: readonly string[], schema: z.ZodType | undefined): Json {
  const [text = '', ...more] = given;
  if (schema === undefined) return more.length === 0 ? (asJson(text) ?? text) : given.map((one) => asJson(one) ?? one);
  const meanings = more.length === 0 ? meaningsOf(text) : listsOf(given);
  const tried = meanings.map((value) => ({ value, issues: schema.safeParse(value).error?.issues ?? [] }));
  const fitting = tried.find(({ issues }) => issues.length === 0);
  if (fitting !== undefined) return fitting.value;
  if (given.length > 1 && tried.every(({ issues }) => issues.some(({ path }) => path.length === 0))) {
    throw new DefinitionError(`--param ${name} is given ${given.length} times, and takes one value`, {
      mend: 'leave all but one out',
    });
  }
  // The nearest miss makes the clearest complaint: a number out of bounds, or the part of a list that is wrong.
  const nearness = ({ value, issues }: (typeof tried)[number]): number =>
    Math.min(...issues.map(({ path, code }) => path.length + (code === 'invalid_type' ? 0 : 0.5))) +
    (typeof value === 'string' || Array.isArray(value) ? 0 : 0.25);
  return tried.reduce((best, next) => (nearness(next) > nearness(best) ? next : best)).value;
}

/** What one text can mean, the plainest first. */
function meaningsOf(text: string): Json[] {
  const json = asJson(text);
  return [text, ...(json === undefined ? [] : [json]), ...listsOf([text])];
}

const listsOf = (texts: readonly string[]): Json[] => {
  const parts = texts.flatMap((text) => text.split(',')).map((part) => part.trim());
  const values = parts.map((part) => asJson(part) ?? part);
  return [parts, values];
};

function asJson(text: string): Json | undefined {
  try {
    const value = JSON.parse(text) as Json;
    return value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY ? undefined : value;
  } catch {
    return undefined;
  }
}

function schemaOf(schema: z.ZodType | undefined, name: string): z.ZodType | undefined {
  const { shape = {} } = (schema ?? {}) as { shape?: Record<string, z.ZodType> };
  return Object.hasOwn(shape, name) ? shape[name] : undefined;
}
