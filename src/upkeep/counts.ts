import { limits } from '../config.js';
import { type Lake, lit, systemSchema } from '../lake/index.js';

/** How large a project's part of the lake is, and the catalog, which is of all its projects. */
export interface LakeCounts {
  readonly snapshots: number;
  /** Data files of the newest snapshot. */
  readonly files: number;
  /** Of them, those that could be merged with another. */
  readonly smallFiles: number;
  readonly bytes: number;
  /** Rows that are kept in the catalog until they are written to a file. */
  readonly inlinedRows: number;
  /** Files that were replaced and are still on disk. */
  readonly replacedFiles: number;
}

/** A table as upkeep sees it. */
export interface TableState {
  readonly schema: string;
  readonly name: string;
  readonly isSystem: boolean;
  readonly files: number;
  /** Files by size: below the first limit of `mergeTiersBytes`, below the second, and so on. */
  readonly tiers: readonly number[];
  readonly bytes: number;
  readonly inlinedRows: number;
  /** The greatest share of deleted rows in one of its files. */
  readonly deletedShare: number;
}

interface FileRow {
  readonly table_id: bigint;
  readonly schema_name: string;
  readonly table_name: string;
  readonly files: bigint;
  readonly bytes: bigint;
  readonly tiers: string;
  readonly deleted: number | null;
}

/** Every table of the project. */
export async function tableStates(lake: Lake): Promise<TableState[]> {
  const meta = (name: string): string => lake.metadata(`ducklake_${name}`);
  const sizes = limits.mergeTiersBytes;
  const tiers = sizes.map((size, index) => {
    const least = index === 0 ? 0 : sizes[index - 1];
    return `count(*) FILTER (f.file_size_bytes >= ${least} AND f.file_size_bytes < ${size} AND d.delete_count IS NULL)`;
  });
  const rows = await lake.all<FileRow>(
    `SELECT t.table_id, s.schema_name, t.table_name, count(f.data_file_id) AS files,
       coalesce(sum(f.file_size_bytes), 0)::BIGINT AS bytes, to_json([${tiers.join(', ')}])::VARCHAR AS tiers,
       max(d.delete_count::DOUBLE / greatest(1, f.record_count)) AS deleted
     FROM ${meta('table')} AS t JOIN ${meta('schema')} AS s ON s.schema_id = t.schema_id AND s.end_snapshot IS NULL
     LEFT JOIN ${meta('data_file')} AS f ON f.table_id = t.table_id AND f.end_snapshot IS NULL
     LEFT JOIN ${meta('delete_file')} AS d ON d.data_file_id = f.data_file_id AND d.end_snapshot IS NULL
     WHERE t.end_snapshot IS NULL AND s.schema_name IN ($1, $2) GROUP BY ALL ORDER BY s.schema_name, t.table_name`,
    [lake.project, systemSchema(lake.project)],
  );
  const inlined = await inlinedRows(lake);
  return rows.map((row) => ({
    schema: row.schema_name,
    name: row.table_name,
    isSystem: row.schema_name !== lake.project,
    files: Number(row.files),
    tiers: row.files === 0n ? sizes.map(() => 0) : (JSON.parse(row.tiers) as number[]),
    bytes: Number(row.bytes),
    inlinedRows: inlined.get(row.table_id) ?? 0,
    deletedShare: row.deleted ?? 0,
  }));
}

/** Rows in the catalog by table, those that were deleted since included. */
async function inlinedRows(lake: Lake): Promise<Map<bigint, number>> {
  const tables = await lake.all<{ table_id: bigint; table_name: string }>(
    `SELECT table_id, table_name FROM ${lake.metadata('ducklake_inlined_data_tables')}`,
  );
  const counts = new Map<bigint, number>();
  if (tables.length === 0) return counts;
  const rows = await lake.all<{ table_id: bigint; n: bigint }>(
    tables
      .map(
        ({ table_id, table_name }) =>
          `SELECT ${table_id}::BIGINT AS table_id, count(*) AS n FROM ${lake.metadata(table_name)}`,
      )
      .join(' UNION ALL '),
  );
  for (const { table_id, n } of rows) counts.set(table_id, (counts.get(table_id) ?? 0) + Number(n));
  return counts;
}

export async function countLake(lake: Lake): Promise<LakeCounts> {
  const tables = await tableStates(lake);
  const found = await lake.one<{ snapshots: bigint; replaced: bigint }>(
    `SELECT (SELECT count(*) FROM ${lake.metadata('ducklake_snapshot')}) AS snapshots,
       (SELECT count(*) FROM ${lake.metadata('ducklake_files_scheduled_for_deletion')}) AS replaced`,
  );
  const sum = (of: (table: TableState) => number): number => tables.reduce((total, table) => total + of(table), 0);
  return {
    snapshots: Number(found?.snapshots ?? 0),
    files: sum(({ files }) => files),
    smallFiles: sum(({ tiers }) => Math.max(0, (tiers[0] ?? 0) - 1)),
    bytes: sum(({ bytes }) => bytes),
    inlinedRows: sum((table) => table.inlinedRows),
    replacedFiles: Number(found?.replaced ?? 0),
  };
}

/** `'lake', 'table', schema => 'schema'`, for DuckLake's functions of one table. */
export const tableArguments = ({ schema, name }: TableState): string => `${lit(name)}, schema => ${lit(schema)}`;
