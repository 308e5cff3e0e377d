import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import path from 'node:path';
import type { Lake, SqlValue, StatementOptions } from '../../lake/index.js';
import { writeParquet } from '../../lake/parquet-file.js';
import { quarantinedRows } from '../../quality/index.js';
import { decide } from './decide.js';

export interface DropRequest extends StatementOptions {
  /** Which of the held rows: SQL over the columns of `quarantinedRows`, and its values. */
  readonly where: string;
  readonly values: readonly SqlValue[];
  readonly reason: string | undefined;
}

export interface DroppedRows {
  readonly dropped: number;
  readonly by: string;
}

/** Lets held rows go for good: what stays is that they were here, which rules they broke, and who let them go. */
export async function dropRows(lake: Lake, { where, values, reason, signal }: DropRequest): Promise<DroppedRows> {
  const by = `drop-${randomUUID()}`;
  const folder = path.join(lake.sharedDirectory, 'staging', by);
  const file = path.join(folder, 'ids.parquet');
  try {
    const { rows } = await lake.withSession((session) =>
      writeParquet(
        session,
        `SELECT id AS _quarantine_id FROM ${quarantinedRows(lake)} WHERE state = 'held' AND ${where}`,
        values,
        file,
        { signal },
      ),
    );
    if (rows === 0) return { dropped: 0, by };
    const { result } = await lake.transaction({ message: `drop quarantined rows (${by})`, signal }, (session) =>
      decide(session, lake, file, { state: 'dropped', by, reason }),
    );
    return { dropped: result, by };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
