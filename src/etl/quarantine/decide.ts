import type { Lake, Session } from '../../lake/index.js';
import { quarantinedId } from '../../quality/index.js';
import type { QuarantineState } from './selection.js';

export interface Decision {
  readonly state: Exclude<QuarantineState, 'held'>;
  /** The act, e.g. `release-0198a6f2-…`; a release is a publication under this name. */
  readonly by: string;
  readonly reason: string | undefined;
}

/**
 * Part of a transaction: decides about those rows of a file of ids (column `_quarantine_id`) that are still held. Two who decide
 * about one row update it both, so on every catalog one of them fails and starts again, and then finds it decided.
 * @returns how many.
 */
export function decide(session: Session, lake: Lake, file: string, { state, by, reason }: Decision): Promise<number> {
  // What was dropped is nowhere any more, as far as newer snapshots go; that it was here can be told.
  const gone = state === 'dropped' ? ', "row" = NULL, types = NULL' : '';
  return session.run(
    `UPDATE ${lake.system('quarantine')}
     SET id = ${quarantinedId}, state = $2, decided_at = now(), decided_by = $3, reason = $4${gone}
     WHERE state IS NULL AND ${quarantinedId} IN (SELECT _quarantine_id FROM read_parquet($1))`,
    [file, state, by, reason],
  );
}
