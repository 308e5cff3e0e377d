import { type FeatureTable, tableName } from '../definitions/feature-table.js';
import { catalog, ids, type Lake, lit } from '../lake/index.js';
import { writeNewestRows } from './newest-rows.js';
import type { NewestRowsRequest, OfflineStore, PartitionClaim, PublishRequest, PublishResult, StreamBatch } from './offline-store.js';
import { publish } from './publish.js';
import { appendStreamBatch, claimPartitions } from './stream-append.js';

/** The offline store on DuckLake. */
export class DuckLakeOfflineStore implements OfflineStore {
  readonly #lake: Lake;

  constructor(lake: Lake) {
    this.#lake = lake;
  }

  publish(request: PublishRequest): Promise<PublishResult> {
    return publish(this.#lake, request);
  }

  claimPartitions(request: Parameters<OfflineStore['claimPartitions']>[0]): Promise<PartitionClaim[]> {
    return claimPartitions(this.#lake, request);
  }

  appendStreamBatch(batch: StreamBatch): Promise<{ snapshot: number }> {
    return appendStreamBatch(this.#lake, batch);
  }

  writeNewestRows(request: NewestRowsRequest): Promise<{ keys: number }> {
    return writeNewestRows(this.#lake, request);
  }

  async tableId(table: FeatureTable): Promise<string | undefined> {
    const found = await this.#lake.one<{ id: string }>(
      `SELECT info.table_uuid::VARCHAR AS id FROM ducklake_table_info(${lit(catalog)}) AS info
       JOIN duckdb_schemas() AS s ON s.database_name = $1 AND s.schema_name = $2
       WHERE info.table_name = $3 AND info.schema_id = s.oid`,
      [catalog, this.#lake.project, tableName(table)],
    );
    return found?.id;
  }

  async countKeys(table: FeatureTable, snapshot: number): Promise<number> {
    const keys = ids(Object.keys(table.joinKeys));
    const found = await this.#lake.one<{ n: bigint }>(
      `SELECT count(*) AS n FROM (SELECT DISTINCT ${keys} FROM ${this.#lake.table(tableName(table))} AT (VERSION => ${snapshot}))`,
    );
    return Number(found?.n ?? 0);
  }

  currentSnapshot(): Promise<number> {
    return this.#lake.currentSnapshot();
  }

  async hasSnapshot(snapshot: number): Promise<boolean> {
    return (await this.#lake.one(`SELECT 1 FROM ${catalog}.snapshots() WHERE snapshot_id = $1`, [snapshot])) !== undefined;
  }

  lakeId(): Promise<string> {
    return this.#lake.lakeId();
  }
}
