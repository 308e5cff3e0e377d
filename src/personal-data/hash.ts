import { createHmac } from 'node:crypto';
import { DataError } from '../errors.js';
import { piiKey } from './pii-key.js';

/** What a masked value becomes. */
export const masked = '***';

export type Hashable = string | number | bigint | boolean | Date | Uint8Array;

/**
 * What ingest makes of a value under the rule `hash`: HMAC-SHA256 in lower-case hex, keyed by ASOF_PII_KEY. To ask for the rows of
 * an entity whose join key is hashed: `{ driver_id: hashPii(1001) }`.
 * @throws DefinitionError when there is no key. @throws DataError for a whole number that a JavaScript number can't hold exactly.
 */
export function hashPii(value: Hashable, env: NodeJS.ProcessEnv = process.env): string {
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw new DataError('a number beyond 2^53 is not exact, and its hash that of another one', {
      where: 'hashPii',
      mend: 'give it as a bigint or as text',
    });
  }
  return hashWith(piiKey('hashPii', env))(value);
}

/** The same for many values under one key. */
export const hashWith =
  (key: string) =>
  (value: Hashable): string =>
    createHmac('sha256', key).update(hashedText(value)).digest('hex');

/**
 * The text, or the bytes, of a value that are hashed: equal values give equal hashes, whichever type holds them. `textSql` says
 * the same of DuckDB's values; a test holds them together.
 */
export function hashedText(value: Hashable): string | Uint8Array {
  if (typeof value === 'number') return numberText(value);
  if (value instanceof Date) return timeText(BigInt(value.getTime()) * 1_000n);
  return value instanceof Uint8Array ? value : String(value);
}

/** A time in UTC, e.g. `2021-07-28T10:00:00.25Z`; digits only where there are. @param us microseconds since 1970. */
export function timeText(us: bigint): string {
  const micros = ((us % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const whole = new Date(Number((us - micros) / 1_000n)).toISOString().slice(0, -5);
  const fraction = micros === 0n ? '' : `.${String(micros).padStart(6, '0').replace(/0+$/, '')}`;
  return `${whole}${fraction}Z`;
}

/** Whole numbers as integers are; all others as DuckDB writes a DOUBLE, which has other limits for exponents than JavaScript. */
function numberText(value: number): string {
  if (Number.isSafeInteger(value)) return String(value === 0 ? 0 : value);
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  const [, sign = '', first = '', rest = '', power = '0'] =
    /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(value.toExponential()) ?? [];
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) {
    const digits = String(Math.abs(exponent)).padStart(2, '0');
    return `${sign}${first}${rest === '' ? '' : `.${rest}`}e${exponent < 0 ? '-' : '+'}${digits}`;
  }
  const digits = `${first}${rest}`;
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`;
}
