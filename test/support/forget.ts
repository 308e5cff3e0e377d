import type { FeatureTable } from '../../src/definitions/feature-table.js';
import { entityKeyValues } from '../../src/online-store/entity-key-values.js';
import type { OnlineStore } from '../../src/online-store/online-store.js';

/** The keys under which anything is stored of a view, tombstones included, sorted. */
export async function storedKeys(online: OnlineStore, table: FeatureTable): Promise<unknown[][]> {
  const found: unknown[][] = [];
  for await (const { key } of online.scan(table)) found.push(entityKeyValues(table.joinKeys, key));
  return found.sort((a, b) => String(a).localeCompare(String(b)));
}
