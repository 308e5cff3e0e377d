import { DefinitionError } from '../errors.js';
import type { Schema } from '../types.js';
import {
  checkFields,
  checkMeta,
  checkName,
  checkSchema,
  type Definition,
  define,
  label,
  type Meta,
  metaFields,
  reservedColumns,
} from './definition.js';

/** What features are about: one or several join keys that together name a thing, e.g. a driver. */
export interface Entity<K extends Schema = Schema> extends Definition<'entity'> {
  readonly joinKeys: K;
}

/**
 * @param def.joinKeys column names and types; int32, int64, string, bool, bytes or timestamp (equality of floats is no identity).
 * @throws DefinitionError for a bad name, no join key, or a type that can't be a key.
 */
export function entity<const K extends Schema>(def: { name: string; joinKeys: K } & Meta): Entity<K> {
  checkName('entity', def.name);
  const where = label('entity', def.name);
  checkFields(where, def, [...metaFields, 'joinKeys']);
  checkMeta(where, def);
  checkSchema(where, 'joinKeys', def.joinKeys);
  for (const [key, type] of Object.entries(def.joinKeys)) {
    if (type.kind === 'float32' || type.kind === 'float64' || type.kind === 'list') {
      throw new DefinitionError(`joinKeys.${key} is a ${type.kind}, which can't be a join key`, {
        where,
        mend: 'use int64() or string()',
      });
    }
    if (reservedColumns.includes(key)) {
      throw new DefinitionError(`joinKeys.${key} is the name of a column asof adds itself`, {
        where,
        mend: 'rename the join key',
      });
    }
  }
  return define({ kind: 'entity', ...def });
}
