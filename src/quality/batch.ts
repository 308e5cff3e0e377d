import type { Session } from '../lake/index.js';
import type { FileColumn } from './value-json.js';

/** A staging file that rules are judged on, and the session that reads it. */
export interface Batch {
  readonly session: Session;
  readonly file: string;
  /** The columns it has. */
  readonly found: readonly FileColumn[];
}
