import { columnDefinitions, type FeatureTable } from '../definitions/feature-table.js';
import { appendColumns } from '../lake/append-columns.js';
import { type Lake, type Session, tempTable } from '../lake/index.js';
import type { DeadLetter } from './offline-store.js';

/** Part of a transaction: events that could not be used, with their place and the reason. */
export async function insertDeadLetters(
  session: Session,
  lake: Lake,
  { view }: FeatureTable,
  topic: string,
  letters: readonly DeadLetter[],
): Promise<void> {
  if (letters.length === 0) return;
  const staged = tempTable('dead_letters');
  const schema = {
    partition: { kind: 'int32' },
    offset: { kind: 'int64' },
    reason: { kind: 'string' },
    payload: { kind: 'bytes' },
  } as const;
  await session.run(`CREATE OR REPLACE TEMP TABLE ${staged} (${columnDefinitions(schema)})`);
  await appendColumns(session, 'dead_letters', schema, [
    letters.map((l) => l.partition),
    letters.map((l) => l.offset),
    letters.map((l) => l.reason),
    letters.map((l) => l.payload),
  ]);
  await session.run(
    `INSERT INTO ${lake.system('dead_letters')} SELECT $1, $2, "partition", "offset", now(), reason, payload FROM ${staged}`,
    [view, topic],
  );
}

/** A dead letter as people look at it. */
export interface DeadLetterRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly recordedAt: Date;
  readonly reason: string;
  /** The beginning of the event, as text. */
  readonly payload: string | null;
}

const shownBytes = 200;

/** The newest dead letters of a view. */
export async function listDeadLetters(lake: Lake, view: string, limit: number): Promise<DeadLetterRecord[]> {
  const rows = await lake.all<{
    topic: string;
    partition: number;
    offset: bigint;
    recorded_at: Date;
    reason: string;
    payload: Uint8Array | null;
  }>(
    `SELECT topic, "partition", "offset", recorded_at, reason, payload FROM ${lake.system('dead_letters')}
     WHERE view_name = $1 ORDER BY recorded_at DESC, "partition", "offset" LIMIT ${Math.max(1, Math.trunc(limit))}`,
    [view],
  );
  return rows.map(({ recorded_at, offset, payload, ...row }) => ({
    ...row,
    offset: Number(offset),
    recordedAt: recorded_at,
    payload: payload === null ? null : Buffer.from(payload.subarray(0, shownBytes)).toString('utf8'),
  }));
}
