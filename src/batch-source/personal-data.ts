import { createHash } from 'node:crypto';
import type { BatchSource } from '../definitions/batch-source.js';
import { DataError, DefinitionError } from '../errors.js';
import { appendColumns } from '../lake/append-columns.js';
import { id, type Session, tempTable } from '../lake/index.js';
import { bytes } from '../types.js';
import { columnsMend } from './csv-header.js';
import { sourceLabel } from './source-label.js';
import type { SourceColumn } from './source-reader.js';

const blockBytes = 64;
const pads = 'pii_key_pads';

/**
 * The SQL that stands for each column once the source's rules for personal data are applied; a dropped column is absent.
 * `hash` is HMAC-SHA256 in lower-case hex of the value's text, keyed by ASOF_PII_KEY, so equal values stay joinable. Null stays null.
 *
 * Bound values show in DuckDB's plans and profiles, so the key comes from a temporary table that an appender filled: no statement
 * ever holds it.
 * @throws DefinitionError when a column is hashed and there is no key.
 * @throws DataError when a rule names a column that the source does not have; else a typo would let the data through.
 */
export async function protectColumns(
  session: Session,
  source: BatchSource,
  columns: readonly SourceColumn[],
  shown: string,
  env: NodeJS.ProcessEnv,
): Promise<{ name: string; sql: string; type: string }[]> {
  const rules = source.pii ?? {};
  const names = columns.map(({ name }) => name);
  for (const column of Object.keys(rules)) {
    if (!names.includes(column)) {
      throw new DataError(`there is no column "${column}", which a pii rule of the source names`, {
        where: shown,
        mend: columnsMend(column, names, 'there are'),
      });
    }
  }
  if (Object.values(rules).includes('hash')) await createPads(session, piiKey(source, env));
  return columns.flatMap(({ name, type }) => {
    const column = id(name);
    switch (rules[name]) {
      case 'drop':
        return [];
      case 'mask':
        return [{ name, type: 'VARCHAR', sql: `CASE WHEN ${column} IS NOT NULL THEN '***' END` }];
      case 'hash':
        return [
          { name, type: 'VARCHAR', sql: hmacSql(type === 'BLOB' ? column : `encode(CAST(${column} AS VARCHAR))`) },
        ];
      default:
        return [{ name, type, sql: column }];
    }
  });
}

/** @throws DefinitionError when columns are to be hashed and the environment has no key. */
export function piiKey(source: BatchSource, env: NodeJS.ProcessEnv): string {
  const key = env['ASOF_PII_KEY'];
  if (key !== undefined && key !== '') return key;
  throw new DefinitionError('columns are to be hashed, but ASOF_PII_KEY is not set', {
    where: sourceLabel(source),
    mend: 'set ASOF_PII_KEY to a long random secret, the same for every worker (e.g. from `openssl rand -hex 32`)',
  });
}

/** HMAC (RFC 2104) from DuckDB's sha256: hash(outer pad, hash(inner pad, message)). */
const hmacSql = (message: string): string => {
  const pad = (name: string): string => `(SELECT ${name} FROM ${tempTable(pads)})`;
  return `sha256(${pad('outer_pad')} || unhex(sha256(${pad('inner_pad')} || ${message})))`;
};

async function createPads(session: Session, key: string): Promise<void> {
  const secret = Buffer.from(key, 'utf8');
  const block = Buffer.alloc(blockBytes);
  (secret.length > blockBytes ? createHash('sha256').update(secret).digest() : secret).copy(block);
  await session.run(`CREATE OR REPLACE TEMP TABLE ${tempTable(pads)} (inner_pad BLOB, outer_pad BLOB)`);
  await appendColumns(session, pads, { inner_pad: bytes(), outer_pad: bytes() }, [
    [Uint8Array.from(block, (byte) => byte ^ 0x36)],
    [Uint8Array.from(block, (byte) => byte ^ 0x5c)],
  ]);
}
