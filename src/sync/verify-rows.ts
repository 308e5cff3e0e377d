import type { FeatureTable } from '../definitions/feature-table.js';
import { DataError } from '../errors.js';
import { loadSchemas } from '../online-store/feature-schemas.js';
import type { OnlineStore } from '../online-store/online-store.js';
import { decodeHeader, decodeValues, schemaIdOf } from '../online-store/row-codec.js';
import { headerLayout } from '../online-store/row-header.js';
import { type StoredSchema, storedSchema } from '../online-store/stored-schema.js';

/** Instead of a feature's name: the row can't be read at all. */
export const unreadable = '(unreadable)';

/** Compares packed rows as they are served: rows written before a feature was added hold null there. */
export class RowComparer {
  readonly #online: OnlineStore;
  readonly #table: FeatureTable;
  /** By id; undefined = the store does not know it either. */
  readonly #schemas = new Map<string, StoredSchema | undefined>();

  constructor(online: OnlineStore, table: FeatureTable) {
    this.#online = online;
    this.#table = table;
    const own = storedSchema(table.features);
    this.#schemas.set(own.id, own);
  }

  /** Learns the schemas of rows that are about to be compared. */
  async learn(rows: readonly (Uint8Array | undefined)[]): Promise<void> {
    for (const row of rows) {
      const id = row === undefined ? undefined : idOf(row);
      if (id === undefined || this.#schemas.has(id)) continue;
      const found = await loadSchemas(this.#online, this.#table.view, [id]).catch((error: unknown) => {
        if (error instanceof DataError) return undefined;
        throw error;
      });
      this.#schemas.set(id, found?.get(id));
    }
  }

  /** What of the expected row is not as in the row found: names of features and times; none = equal to the last bit. */
  differences(expected: Uint8Array, found: Uint8Array): string[] {
    const from = headerLayout.tiesStart;
    if (expected.length === found.length && Buffer.compare(expected.subarray(from), found.subarray(from)) === 0)
      return [];
    const [wanted, values] = [this.values(expected), this.values(found)];
    if (wanted === undefined || values === undefined) return [unreadable];
    const [a, b] = [decodeHeader(expected), decodeHeader(found)];
    const names = Object.keys(this.#table.features);
    return [
      ...(a.eventUs === b.eventUs ? [] : ['event_timestamp']),
      ...(a.createdUs === b.createdUs ? [] : ['created_timestamp']),
      ...(a.ingestUs === b.ingestUs ? [] : ['_ingest_time']),
      ...(a.position === b.position ? [] : ['_ingest_position']),
      ...names.filter((_, index) => !sameValue(wanted[index], values[index])),
    ];
  }

  /** In the order of the table's features; undefined when the row can't be read. */
  values(row: Uint8Array): unknown[] | undefined {
    const id = idOf(row);
    const schema = id === undefined ? undefined : this.#schemas.get(id);
    if (schema === undefined) return undefined;
    try {
      const values = decodeValues(row, schema);
      const names = Object.keys(schema.features);
      return Object.keys(this.#table.features).map((name) => values[names.indexOf(name)] ?? null);
    } catch (error) {
      if (error instanceof DataError) return undefined;
      throw error;
    }
  }
}

function idOf(row: Uint8Array): string | undefined {
  try {
    return schemaIdOf(row);
  } catch (error) {
    if (error instanceof DataError) return undefined;
    throw error;
  }
}

/** Bit for bit; NaN equals NaN. Whole numbers are equal as number and as bigint. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => sameValue(item, b[index]));
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  const [big, other] = typeof a === 'bigint' ? [a, b] : [b, a];
  return typeof big === 'bigint' && typeof other === 'number' && Number.isSafeInteger(other) && BigInt(other) === big;
}
