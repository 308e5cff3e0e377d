import type { BatchSource } from '../definitions/batch-source.js';
import { DataError } from '../errors.js';
import { id, type Session } from '../lake/index.js';
import { createPads, hashes, hmacSql, masked, messageSql, piiKey } from '../personal-data/index.js';
import { columnsMend } from './csv-header.js';
import { sourceLabel } from './source-label.js';
import type { SourceColumn } from './source-reader.js';

/**
 * The SQL that stands for each column once the source's rules for personal data are applied; a dropped column is absent.
 * `hash` is HMAC-SHA256 in lower-case hex of the value, keyed by ASOF_PII_KEY, so equal values stay joinable. Null stays null.
 * @throws DefinitionError when a column is hashed and there is no key.
 * @throws DataError when a rule names a column that the source does not have (else a typo would let the data through), and for a
 * list that is to be hashed.
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
  if (hashes(source.pii)) await createPads(session, piiKey(sourceLabel(source), env));
  return columns.flatMap((found) => {
    const { name, type } = found;
    const column = id(name);
    switch (rules[name]) {
      case 'drop':
        return [];
      case 'mask':
        return [{ name, type: 'VARCHAR', sql: `CASE WHEN ${column} IS NOT NULL THEN '${masked}' END` }];
      case 'hash': {
        const message = messageSql(type, column, found);
        if (message !== undefined) return [{ name, type: 'VARCHAR', sql: hmacSql(message) }];
        throw new DataError(`column "${name}" is ${type}, which can't be hashed`, {
          where: shown,
          mend: 'mask or drop it, or write what identifies people in a column of its own',
        });
      }
      default:
        return [{ name, type, sql: column }];
    }
  });
}
