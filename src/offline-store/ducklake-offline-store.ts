import { type FeatureTable, tableName } from '../definitions/feature-table.js';
import type { Lake } from '../lake/index.js';
import { writeNewestRows, writeStreamRows } from './newest-rows.js';
import type {
  ClaimRequest,
  EventCounts,
  NewestRowsRequest,
  OfflineStore,
  PartitionClaim,
  PartitionProgress,
  PublishRequest,
  PublishResult,
  StreamBatch,
  StreamRowsRequest,
} from './offline-store.js';
import { publish } from './publish.js';
import { appendStreamBatch } from './stream-append.js';
import { claimPartitions, eventTotals, partitionProgress } from './stream-claims.js';

/** The offline store on DuckLake. */
export class DuckLakeOfflineStore implements OfflineStore {
  readonly #lake: Lake;

  constructor(lake: Lake) {
    this.#lake = lake;
  }

  publish(request: PublishRequest): Promise<PublishResult> {
    return publish(this.#lake, request);
  }

  claimPartitions(request: ClaimRequest): Promise<PartitionClaim[]> {
    return claimPartitions(this.#lake, request);
  }

  partitionProgress(table: FeatureTable, topic: string): Promise<ReadonlyMap<number, PartitionProgress>> {
    return partitionProgress(this.#lake, table, topic);
  }

  appendStreamBatch(batch: StreamBatch): Promise<{ snapshot: number }> {
    return appendStreamBatch(this.#lake, batch);
  }

  eventTotals(table: FeatureTable, topic: string): Promise<EventCounts> {
    return eventTotals(this.#lake, table, topic);
  }

  writeNewestRows(request: NewestRowsRequest): Promise<{ keys: number; all: boolean }> {
    return writeNewestRows(this.#lake, request);
  }

  writeStreamRows(request: StreamRowsRequest): Promise<{ rows: number }> {
    return writeStreamRows(this.#lake, request);
  }

  async tableId(table: FeatureTable): Promise<string | undefined> {
    // ducklake_table_info() names no schema, so the catalog's own tables are asked.
    const found = await this.#lake.one<{ id: string }>(
      `SELECT t.table_uuid::VARCHAR AS id FROM ${this.#lake.metadata('ducklake_table')} AS t
       JOIN ${this.#lake.metadata('ducklake_schema')} AS s ON s.schema_id = t.schema_id AND s.end_snapshot IS NULL
       WHERE s.schema_name = $1 AND t.table_name = $2 AND t.end_snapshot IS NULL`,
      [this.#lake.project, tableName(table)],
    );
    return found?.id;
  }

  currentSnapshot(): Promise<number> {
    return this.#lake.currentSnapshot();
  }

  lakeId(): Promise<string> {
    return this.#lake.lakeId();
  }
}
