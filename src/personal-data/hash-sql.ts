import { createHash } from 'node:crypto';
import { appendColumns } from '../lake/append-columns.js';
import { type Session, tempTable } from '../lake/index.js';
import { bytes } from '../types.js';

const blockBytes = 64;
const pads = 'pii_key_pads';

/**
 * Brings the key into a session, for {@link hmacSql}. Bound values show in DuckDB's plans and profiles, so it goes into a temporary
 * table that an appender fills: no statement ever holds it.
 */
export async function createPads(session: Session, key: string): Promise<void> {
  const secret = Buffer.from(key, 'utf8');
  const block = Buffer.alloc(blockBytes);
  (secret.length > blockBytes ? createHash('sha256').update(secret).digest() : secret).copy(block);
  await session.run(`CREATE OR REPLACE TEMP TABLE ${tempTable(pads)} (inner_pad BLOB, outer_pad BLOB)`);
  await appendColumns(session, pads, { inner_pad: bytes(), outer_pad: bytes() }, [
    [Uint8Array.from(block, (byte) => byte ^ 0x36)],
    [Uint8Array.from(block, (byte) => byte ^ 0x5c)],
  ]);
}

/** HMAC (RFC 2104) from DuckDB's sha256: hash(outer pad, hash(inner pad, message)); null stays null. */
export const hmacSql = (message: string): string => {
  const pad = (name: string): string => `(SELECT ${name} FROM ${tempTable(pads)})`;
  return `sha256(${pad('outer_pad')} || unhex(sha256(${pad('inner_pad')} || ${message})))`;
};

/** What is known of a column beside its type. */
export interface TextFacts {
  /** Text that holds numbers to their last digit. */
  readonly digits?: boolean | undefined;
  /** The type it has in its database. */
  readonly sourceType?: string | undefined;
}

/**
 * The bytes of a value that are hashed, as `hashedText` says for JavaScript: equal values give equal hashes, whichever type holds
 * them. `undefined` for lists and structures, whose text says too little to tell two of them apart.
 * @param type DuckDB's type. @param x SQL of the column.
 */
export function messageSql(
  type: string,
  x: string,
  { digits = false, sourceType }: TextFacts = {},
): string | undefined {
  if (type === 'BLOB') return x;
  if (/\]$|^(STRUCT|MAP|UNION)\b/.test(type)) return undefined;
  return `encode(${textSql(type, x, digits, sourceType)})`;
}

function textSql(type: string, x: string, digits: boolean, sourceType: string | undefined): string {
  const text = `CAST(${x} AS VARCHAR)`;
  if (type === 'FLOAT' || type === 'DOUBLE') {
    const real = `CAST(${x} AS DOUBLE)`;
    const whole = `${real} = trunc(${real}) AND abs(${real}) <= ${Number.MAX_SAFE_INTEGER}`;
    return `CASE WHEN ${whole} THEN CAST(TRY_CAST(${real} AS BIGINT) AS VARCHAR) ELSE CAST(${real} AS VARCHAR) END`;
  }
  // 1.50 and 1.5 are one number, 7.00 and 7 too.
  if (digits || type.startsWith('DECIMAL'))
    return `regexp_replace(${text}, '^(-?\\d+)\\.0*$|(\\.\\d*[1-9])0+$', '\\1\\2')`;
  if (!type.startsWith('TIMESTAMP')) return text;
  // By microseconds since 1970, which the session's zone has no say in.
  const time = `make_timestamp(epoch_us(${x}))`;
  const day = sourceType === 'date';
  const iso = day
    ? `strftime(${time}, '%Y-%m-%d')`
    : `regexp_replace(strftime(${time}, '%Y-%m-%dT%H:%M:%S.%f'), '\\.?0+$', '') || 'Z'`;
  return `CASE WHEN isfinite(${x}) THEN ${iso} ELSE ${text} END`;
}
