import { eventTimestamp, type FeatureTable } from '../definitions/feature-table.js';
import { nearestName } from '../did-you-mean.js';
import { DefinitionError } from '../errors.js';
import type { ValueType } from '../types.js';
import { entityKey } from './entity-key.js';
import { loadSchemas } from './feature-schemas.js';
import type { OnlineStore } from './online-store.js';
import { decodeValues, eventUsNumber, eventUsOf, hasSchemaOf, schemaIdOf } from './row-codec.js';
import { dateOf, servedValue } from './served-value.js';
import { type StoredSchema, storedSchema } from './stored-schema.js';

/** Some features of a view: output name → the view's own feature. */
export interface OnlineSelection {
  readonly table: FeatureTable;
  readonly columns: Readonly<Record<string, string>>;
}

/**
 * What is known of one feature of one row: no row in the store; a row older than the view's ttl (the value is given as null); a row
 * whose value is null; a value.
 */
export type FeatureStatus = 'NOT_FOUND' | 'OUTSIDE_MAX_AGE' | 'NULL_VALUE' | 'PRESENT';

/** One element per request row, in its order, in each of the three. */
export interface OnlineFeatures {
  /** The join keys as they were given, then the features by output name; missing and expired ones are null. */
  readonly rows: Record<string, unknown>[];
  /** By output name. */
  readonly statuses: Record<string, FeatureStatus>[];
  /** By output name: the event time of the row the feature comes from, expired or not; null when there is no row. */
  readonly eventTimestamps: Record<string, Date | null>[];
}

interface OutputColumn {
  readonly output: string;
  readonly feature: string;
  readonly serve: ((value: unknown) => unknown) | undefined;
}

/** All that a request wants of one view: one lookup, whatever number of selections name it. */
interface ViewRead {
  readonly table: FeatureTable;
  readonly columns: OutputColumn[];
  /** By schema id, as rows were met. */
  readonly readers: Map<string, RowReader>;
}

interface PreparedRead {
  readonly views: readonly ViewRead[];
  readonly joinKeys: ReadonlySet<string>;
}

/** What selections come to, for whoever asks with the same ones again. */
const prepared = new WeakMap<readonly OnlineSelection[], PreparedRead>();

/**
 * The newest values of features for some entities: one round trip to the store for the whole request.
 * @param selections must not change afterwards: what they come to is remembered for the next request with the same array.
 * @param keys one object per wanted row with the join keys of all selections; the same entity may be asked for twice.
 * @param now what rows' ages are measured against.
 * @throws DefinitionError when a row lacks a join key, has one of the wrong type, or a property no selected view uses as join key.
 * @throws DataError when a stored row is unreadable or holds a value that can't be given exactly.
 */
export async function readOnlineFeatures(
  store: OnlineStore,
  selections: readonly OnlineSelection[],
  keys: readonly Readonly<Record<string, unknown>>[],
  now: Date,
): Promise<OnlineFeatures> {
  const { views, joinKeys } = prepare(selections);
  checkNames(keys, joinKeys);
  const lookups = views.map(({ table }) => ({
    table,
    keys: keys.map((row, index) => entityKey(table.joinKeys, row, `row ${index} of the request`)),
  }));
  const found = await store.read(lookups);

  const result: OnlineFeatures = { rows: [], statuses: [], eventTimestamps: [] };
  for (const row of keys) {
    const output: Record<string, unknown> = {};
    for (const key of joinKeys) output[key] = row[key];
    result.rows.push(output);
    result.statuses.push({});
    result.eventTimestamps.push({});
  }
  for (const [index, view] of views.entries()) await fillIn(result, store, view, found[index] ?? [], now);
  return result;
}

function prepare(selections: readonly OnlineSelection[]): PreparedRead {
  const known = prepared.get(selections);
  if (known !== undefined) return known;
  const views = new Map<string, ViewRead>();
  for (const { table, columns } of selections) {
    const view: ViewRead = views.get(table.view) ?? { table, columns: [], readers: new Map() };
    views.set(table.view, view);
    for (const [output, feature] of Object.entries(columns)) {
      const serve = servedValue(featureType(table, feature), `${table.view}:${feature}`);
      view.columns.push({ output, feature, serve });
    }
  }
  const all = [...views.values()];
  const joinKeys = new Set(all.flatMap(({ table }) => Object.keys(table.joinKeys)));
  prepared.set(selections, { views: all, joinKeys });
  return { views: all, joinKeys };
}

function featureType(table: FeatureTable, feature: string): ValueType {
  const type = table.features[feature];
  if (type !== undefined) return type;
  const near = nearestName(feature, Object.keys(table.features));
  throw new DefinitionError(`view "${table.view}" has no feature "${feature}"`, {
    mend: near === undefined ? `it has ${Object.keys(table.features).join(', ')}` : `did you mean "${near}"?`,
  });
}

function checkNames(keys: readonly Readonly<Record<string, unknown>>[], joinKeys: ReadonlySet<string>): void {
  for (const [index, row] of keys.entries()) {
    for (const name of Object.keys(row)) {
      if (joinKeys.has(name)) continue;
      const near = nearestName(name, joinKeys);
      const known = `the join keys are ${[...joinKeys].join(', ')}`;
      throw new DefinitionError(`unknown key "${name}"`, {
        where: `row ${index} of the request`,
        mend: near === undefined ? known : `did you mean "${near}"? ${known}`,
      });
    }
  }
}

async function fillIn(
  { rows, statuses, eventTimestamps }: OnlineFeatures,
  store: OnlineStore,
  view: ViewRead,
  stored: readonly (Uint8Array | undefined)[],
  now: Date,
): Promise<void> {
  const { table, columns } = view;
  const readers = await rowReaders(store, view, stored);
  const oldest = table.ttlMs === 0 ? Number.NEGATIVE_INFINITY : Math.ceil(now.getTime() - table.ttlMs) * 1000;
  for (let index = 0; index < rows.length; index += 1) {
    const row = rows[index] as Record<string, unknown>;
    const status = statuses[index] as Record<string, FeatureStatus>;
    const times = eventTimestamps[index] as Record<string, Date | null>;
    const packed = stored[index];
    const event = packed === undefined ? null : eventDate(table, packed);
    const reader = packed === undefined || eventUsNumber(packed) < oldest ? undefined : readers[index];
    if (reader === undefined) {
      const why = packed === undefined ? 'NOT_FOUND' : 'OUTSIDE_MAX_AGE';
      for (const { output } of columns) {
        row[output] = null;
        status[output] = why;
        times[output] = event;
      }
      continue;
    }
    const values = decodeValues(packed as Uint8Array, reader.schema);
    for (let column = 0; column < columns.length; column += 1) {
      const { output, serve } = columns[column] as OutputColumn;
      const value = values[reader.positions[column] as number] ?? null;
      row[output] = value === null || serve === undefined ? value : serve(value);
      status[output] = value === null ? 'NULL_VALUE' : 'PRESENT';
      times[output] = event;
    }
  }
}

function eventDate(table: FeatureTable, row: Uint8Array): Date {
  const micros = eventUsNumber(row);
  return Number.isSafeInteger(micros)
    ? new Date(Math.floor(micros / 1000))
    : dateOf(`${table.view}:${eventTimestamp}`, eventUsOf(row));
}

/** How to find a view's wanted features in rows written with one schema; a feature it did not have yet is at -1, that is null. */
interface RowReader {
  readonly schema: StoredSchema;
  readonly positions: readonly number[];
}

/** One for each stored row; rows of one schema have the same. */
async function rowReaders(
  store: OnlineStore,
  { table, columns, readers }: ViewRead,
  stored: readonly (Uint8Array | undefined)[],
): Promise<(RowReader | undefined)[]> {
  const ids: (string | undefined)[] = [];
  const unknown = new Set<string>();
  let last: { readonly row: Uint8Array; readonly id: string } | undefined;
  for (const row of stored) {
    if (row !== undefined && (last === undefined || !hasSchemaOf(row, last.row))) {
      last = { row, id: schemaIdOf(row) };
      if (!readers.has(last.id)) unknown.add(last.id);
    }
    ids.push(row === undefined ? undefined : last?.id);
  }
  if (unknown.size > 0) {
    // The view's own schema is known without asking the store.
    storedSchema(table.features);
    for (const [id, schema] of await loadSchemas(store, table.view, unknown)) {
      const names = Object.keys(schema.features);
      readers.set(id, { schema, positions: columns.map(({ feature }) => names.indexOf(feature)) });
    }
  }
  return ids.map((id) => (id === undefined ? undefined : readers.get(id)));
}
