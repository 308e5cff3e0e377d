import { columnDefinitions, tableColumns, tableName } from '../definitions/feature-table.js';
import { appendColumns } from '../lake/append-columns.js';
import { partitionTable } from '../lake/feature-tables.js';
import { type Lake, tempTable } from '../lake/index.js';
import { insertDeadLetters } from './dead-letters.js';
import { fencedOff } from './fenced-off.js';
import type { StreamBatch } from './offline-store.js';

/**
 * See {@link OfflineStore.appendStreamBatch}. The fence is a conditional UPDATE: a read-and-check would pass on SQLite, which lets
 * one writer in at a time, and fail on Postgres, where two transactions that only read one row both commit. It compares rows, not columns:
 * for a condition on a column DuckLake reads the statistics of all files the catalog knows, at each commit, to find the few that matter.
 */
export async function appendStreamBatch(lake: Lake, batch: StreamBatch): Promise<{ snapshot: number }> {
  const { table, topic, progress, columns, deadLetters, signal } = batch;
  const schema = tableColumns(table);
  return lake.withSession(async (session) => {
    const staged = tempTable('stream_batch');
    await session.run(`CREATE TEMP TABLE ${staged} (${columnDefinitions(schema)})`);
    if ((columns[0]?.length ?? 0) > 0) await appendColumns(session, 'stream_batch', schema, columns);
    const { snapshot } = await lake.transactionOn(
      session,
      { message: `stream ${topic} into ${table.view}`, signal },
      async () => {
        for (const { claim, nextOffset, counts } of progress) {
          const updated = await session.run(
            `UPDATE ${partitionTable(lake, table, claim.partition)} SET next_offset = $4, events_read = events_read + $5,
             written = written + $6, dead_letters = dead_letters + $7, dropped = dropped + $8, late = late + $9
           WHERE row(topic, epoch, next_offset) = row($1::VARCHAR, $2::BIGINT, $3::BIGINT)`,
            [
              topic,
              BigInt(claim.epoch),
              BigInt(claim.nextOffset),
              BigInt(nextOffset),
              ...[counts.read, counts.written, counts.deadLetters, counts.dropped, counts.late].map(BigInt),
            ],
          );
          if (updated !== 1) throw fencedOff(table, topic, claim);
        }
        // By name: a feature that was added later stands last in the table.
        await session.run(`INSERT INTO ${lake.table(tableName(table))} BY NAME SELECT * FROM ${staged}`);
        await insertDeadLetters(session, lake, table, topic, deadLetters);
      },
    );
    return { snapshot };
  });
}
