import { createHash } from 'node:crypto';
import { DataError } from '../errors.js';
import { parseTypeName, type Schema, typeName } from '../types.js';

/** The features of a row as they were when it was written. Rows name theirs by `id`, so they stay readable when features change. */
export interface StoredSchema {
  /** 16 hex digits, a hash of names and types in order: the same features have the same id everywhere. */
  readonly id: string;
  readonly features: Schema;
}

const byFeatures = new WeakMap<Schema, StoredSchema>();
const byId = new Map<string, StoredSchema>();

/** The stored form of a view's features; `features` must not change afterwards (definitions are frozen). */
export function storedSchema(features: Schema): StoredSchema {
  const known = byFeatures.get(features);
  if (known !== undefined) return known;
  const schema: StoredSchema = { id: idOf(schemaText(features)), features };
  byFeatures.set(features, schema);
  if (!byId.has(schema.id)) byId.set(schema.id, schema);
  return schema;
}

/** A schema this process has seen. The id is a hash of the content, so one table serves all views and stores. */
export const knownSchema = (id: string): StoredSchema | undefined => byId.get(id);

/** JSON of [name, type name] pairs: what is kept in the store. */
export const schemaText = (features: Schema): string =>
  JSON.stringify(Object.entries(features).map(([name, type]) => [name, typeName(type)]));

/** @throws DataError when the text is not what {@link schemaText} makes of the schema with this id. */
export function parseSchemaText(id: string, text: string): StoredSchema {
  if (idOf(text) !== id)
    throw new DataError(`the stored schema ${id} is damaged`, {
      mend: 'run `asof materialize --full` to write the rows again',
    });
  const pairs = JSON.parse(text) as [string, string][];
  return storedSchema(Object.fromEntries(pairs.map(([name, type]) => [name, parseTypeName(type)])));
}

const idOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);
