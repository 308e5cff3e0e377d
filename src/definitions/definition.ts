import { DefinitionError } from '../errors.js';
import type { Schema, ValueType } from '../types.js';

/** What every definition may say about itself. */
export interface Meta {
  readonly description?: string;
  readonly owner?: string;
  readonly tags?: readonly string[];
}

export type DefinitionKind =
  | 'entity'
  | 'file_source'
  | 'postgres_source'
  | 'kafka_source'
  | 'feature_view'
  | 'stream_feature_view'
  | 'feature_service'
  | 'pipeline'
  | 'feature_store_config';

const brand = Symbol.for('asof.definition');

/** A branded, frozen value. The brand is a registered symbol, so it survives two copies of this module in one process. */
export interface Definition<K extends DefinitionKind = DefinitionKind> extends Meta {
  readonly kind: K;
  readonly name: string;
}

export function isDefinition(value: unknown): value is Definition {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[brand] === true;
}

/** Brands and freezes a freshly made definition. */
export function define<T extends Definition>(definition: T): T {
  return Object.freeze(Object.defineProperty(definition, brand, { value: true }));
}

/** `featureView "driver_stats"`: how errors name the object at fault. */
export const label = (kind: string, name: unknown): string => `${kind} ${JSON.stringify(name)}`;

const namePattern = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;

/** Names become table, column and key names, so they are plain identifiers. */
export function checkName(kind: string, name: unknown, field = 'name'): void {
  if (typeof name !== 'string' || !namePattern.test(name)) {
    throw new DefinitionError(`${field} ${JSON.stringify(name)} is not a usable name`, {
      where: label(kind, name),
      mend: 'use letters, digits and underscores, not starting with a digit, at most 63 characters',
    });
  }
  if (name.includes('__')) {
    throw new DefinitionError(
      `${field} "${name}" contains "__", which separates a view from its feature or generation`,
      {
        where: label(kind, name),
        mend: 'use single underscores',
      },
    );
  }
}

/** Columns asof adds to every feature table; a feature of that name could not be told from them. */
export const reservedColumns: readonly string[] = ['event_timestamp', 'created_timestamp'];

export function checkSchema(where: string, field: string, schema: Schema): void {
  if (typeof schema !== 'object' || schema === null || Object.keys(schema).length === 0) {
    throw new DefinitionError(`${field} is empty`, {
      where,
      mend: `list at least one: ${field}: { some_name: float32() }`,
    });
  }
  const seen = new Map<string, string>();
  for (const [column, type] of Object.entries(schema)) {
    if (!namePattern.test(column) || column.startsWith('_') || column.includes('__')) {
      throw new DefinitionError(`${field}.${column} is not a usable column name`, {
        where,
        mend: 'use letters, digits and single underscores, starting with a letter',
      });
    }
    const twin = seen.get(column.toLowerCase());
    if (twin !== undefined) {
      throw new DefinitionError(`${field} has both "${twin}" and "${column}", which SQL can't tell apart`, {
        where,
        mend: 'rename one',
      });
    }
    seen.set(column.toLowerCase(), column);
    checkType(where, `${field}.${column}`, type);
  }
}

function checkType(where: string, field: string, type: ValueType): void {
  if (typeof type !== 'object' || type === null || typeof type.kind !== 'string') {
    const mend =
      typeof type === 'function'
        ? 'call the type: write float32(), not float32'
        : 'use a value type such as int64() or string()';
    throw new DefinitionError(`${field} is not a value type`, { where, mend });
  }
  if (type.items !== undefined) checkType(where, `${field}'s items`, type.items);
}

/** Rejects misspelt options, which would otherwise be ignored in silence in JavaScript and in spread objects. */
export function checkFields(where: string, given: object, allowed: readonly string[]): void {
  for (const field of Object.keys(given)) {
    if (!allowed.includes(field)) {
      throw new DefinitionError(`unknown field "${field}"`, { where, mend: `known fields: ${allowed.join(', ')}` });
    }
  }
}

export function checkMeta(where: string, { description, owner, tags }: Meta): void {
  for (const [field, value] of Object.entries({ description, owner })) {
    if (value !== undefined && typeof value !== 'string') {
      throw new DefinitionError(`${field} must be a string`, { where, mend: `write ${field}: '…'` });
    }
  }
  if (tags !== undefined && !(Array.isArray(tags) && tags.every((tag) => typeof tag === 'string'))) {
    throw new DefinitionError('tags must be a list of strings', { where, mend: "write tags: ['ranking']" });
  }
}

export const metaFields = ['name', 'description', 'owner', 'tags'] as const;
