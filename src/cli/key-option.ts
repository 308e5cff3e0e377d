import { DefinitionError } from '../errors.js';
import { parseMoment } from '../transform/moment.js';
import type { Schema, ValueType } from '../types.js';

/**
 * `driver_id=1001`, or `a=1,b=x` for an entity with several join keys, as values of the join keys' types. A comma in a value is
 * part of it unless a name and `=` follow.
 * @throws DefinitionError naming the join key whose value is not of its type. Names that are no join keys are left to the read.
 */
export function parseKey(text: string, joinKeys: Schema): Record<string, unknown> {
  const key: Record<string, unknown> = {};
  for (const part of text.split(/,(?=\s*[A-Za-z_]\w*\s*=)/)) {
    const at = part.indexOf('=');
    const name = part.slice(0, at).trim();
    if (at <= 0 || name === '') {
      throw new DefinitionError(`--key ${JSON.stringify(text)} is not name=value`, {
        mend: `write e.g. --key ${Object.keys(joinKeys)
          .map((known) => `${known}=…`)
          .join(',')}`,
      });
    }
    if (Object.hasOwn(key, name)) {
      throw new DefinitionError(`--key ${JSON.stringify(text)} names "${name}" twice`, {
        mend: 'give each entity a --key of its own',
      });
    }
    const type = Object.hasOwn(joinKeys, name) ? joinKeys[name] : undefined;
    key[name] = type === undefined ? part.slice(at + 1) : parseValue(name, part.slice(at + 1), type);
  }
  return key;
}

const shapes: Readonly<Record<string, string>> = {
  int32: 'a whole number of 32 bits',
  int64: 'a whole number of 64 bits',
  bool: 'true or false',
  bytes: 'base64',
  timestamp: 'a time such as 2021-07-28T10:00:00Z',
};

function parseValue(name: string, text: string, type: ValueType): unknown {
  const value = typed(text, type);
  if (value !== undefined) return value;
  const shape = shapes[type.kind] ?? type.kind;
  throw new DefinitionError(`join key "${name}" is ${JSON.stringify(text)}, not ${shape}`, {
    where: '--key',
    mend: `give ${name} as ${shape}`,
  });
}

function typed(given: string, { kind }: ValueType): unknown {
  const text = given.trim();
  switch (kind) {
    case 'int32':
    case 'int64':
      return wholeNumber(text, kind === 'int32' ? 32 : 64);
    case 'bool':
      return text === 'true' || text === 'false' ? text === 'true' : undefined;
    case 'timestamp':
      return parseMoment(text);
    case 'bytes':
      return /^[A-Za-z0-9+/]+={0,2}$/.test(text) && text.length % 4 === 0
        ? new Uint8Array(Buffer.from(text, 'base64'))
        : undefined;
    default:
      return given;
  }
}

/** A number where one holds it exactly, else a bigint. */
function wholeNumber(text: string, bits: number): number | bigint | undefined {
  if (!/^[+-]?\d{1,20}$/.test(text)) return undefined;
  const value = BigInt(text.replace(/^\+/, ''));
  if (BigInt.asIntN(bits, value) !== value) return undefined;
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}
