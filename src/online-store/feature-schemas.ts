import type { FeatureTable } from '../definitions/feature-table.js';
import { DataError } from '../errors.js';
import type { OnlineStore } from './online-store.js';
import { knownSchema, parseSchemaText, type StoredSchema, schemaText, storedSchema } from './stored-schema.js';

const noteName = (id: string): string => `schema:${id}`;

/**
 * Keeps the schema of the rows about to be written beside the view's rows, so that any process can read them when features were
 * added, removed or widened since. Call it before every write: it looks each time, because the view may have been dropped meanwhile.
 * @returns what `encodeRow` takes.
 */
export async function ensureSchema(
  store: OnlineStore,
  table: Pick<FeatureTable, 'view' | 'features'>,
): Promise<StoredSchema> {
  const schema = storedSchema(table.features);
  if ((await store.getNote(table.view, noteName(schema.id))) === undefined)
    await store.setNote(table.view, noteName(schema.id), schemaText(table.features));
  return schema;
}

/**
 * The schemas with these ids, from this process's memory or else the store.
 * @throws DataError when one is in neither: then rows that need it can't be read.
 */
export async function loadSchemas(
  store: OnlineStore,
  view: string,
  ids: Iterable<string>,
): Promise<Map<string, StoredSchema>> {
  const schemas = new Map<string, StoredSchema>();
  for (const id of ids) {
    const schema = knownSchema(id) ?? (await storedIn(store, view, id));
    schemas.set(id, schema);
  }
  return schemas;
}

async function storedIn(store: OnlineStore, view: string, id: string): Promise<StoredSchema> {
  const text = await store.getNote(view, noteName(id));
  if (text !== undefined) return parseSchemaText(id, text);
  throw new DataError(`online rows of view "${view}" have the schema ${id}, which is not in the store`, {
    mend: `run \`asof materialize --full\` for "${view}" to write the rows again from the lake`,
  });
}
