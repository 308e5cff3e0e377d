import { setTimeout as sleep } from 'node:timers/promises';
import { isConflict, type Lake } from '../../src/lake/index.js';
import { readCursor, writeCursor } from '../../src/sync/cursor.js';
import { snapshotHistory } from '../../src/sync/lake-state.js';
import type { TestStore } from './store.js';

/** Makes all that a lake holds older, as if time had passed: its snapshots, and the files that wait for their removal. */
export async function ageLake(lake: Lake, ms: number): Promise<void> {
  const older = (column: string): string =>
    `strftime(${column}::TIMESTAMPTZ - to_milliseconds(${Math.round(ms)}), '%Y-%m-%d %H:%M:%S.%f+00')`;
  const [snapshots, files] = ['ducklake_snapshot', 'ducklake_files_scheduled_for_deletion'].map((name) =>
    lake.metadata(name),
  );
  await lake.withSession(async (session) => {
    const isText = (await session.all<{ column_name: string; column_type: string }>(`DESCRIBE FROM ${snapshots}`)).some(
      ({ column_name, column_type }) => column_name === 'snapshot_time' && column_type === 'VARCHAR',
    );
    const value = (column: string): string => (isText ? older(column) : `${older(column)}::TIMESTAMPTZ`);
    for (const statement of [
      `UPDATE ${snapshots} SET snapshot_time = ${value('snapshot_time')}`,
      `UPDATE ${files} SET schedule_start = ${value('schedule_start')}`,
    ]) {
      while (!(await session.run(statement).then(() => true, notLocked))) await sleep(20);
    }
  });
}

/** The same of a project whose view is online: its cursor knows when its snapshot was committed. */
export async function ageStore({ store }: TestStore, view: string, ms: number): Promise<void> {
  await ageLake(store.lake, ms);
  const online = await store.online();
  const cursor = await readCursor(online, view);
  if (cursor === undefined) throw new Error(`${view} is not online`);
  const { committedAt } = await snapshotHistory(store.lake, cursor.snapshot, cursor.snapshot);
  await writeCursor(online, view, { ...cursor, committedAt });
}

/** Writers at work lock the catalog now and then. */
function notLocked(error: unknown): false {
  if (isConflict(error)) return false;
  throw error;
}
