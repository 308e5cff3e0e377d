import type { Beyond } from './beyond.js';
import type { RunFolder } from './run-files.js';

/** What was looked at to find out whether anything is left, and how much. */
export interface Proof {
  /** Every data file in the lake's folders, known to it or not; each read by itself. */
  readonly dataFiles: number;
  readonly dataBytes: number;
  /** Staged rows, reports, logs, temporary files. */
  readonly runFiles: number;
  readonly runBytes: number;
  /** Files of embedded topics. */
  readonly topicFiles: number;
  readonly topicBytes: number;
  /** Bytes of the catalog's files; 0 where it is a server. */
  readonly catalogBytes: number;
  /** Bytes of the online store's files; 0 where it is a server. */
  readonly onlineBytes: number;
}

/** Something that is left, and what to do about it. */
export interface Left {
  readonly place: string;
  readonly what: string;
  readonly mend: string;
}

export interface ForgetReport {
  readonly id: string | undefined;
  readonly dryRun: boolean;
  readonly joinKeys: readonly string[];
  /** ISO time of an earlier try that this one went on with. */
  readonly resumed: string | undefined;
  /** Whether a source hashes one of the join keys: its hash was looked for too. */
  readonly hashed: boolean;
  readonly removed: {
    /** Table → rows. */
    readonly tables: Readonly<Record<string, number>>;
    readonly records: Readonly<Record<string, number>>;
    readonly online: number;
    readonly events: number;
    readonly files: Partial<Readonly<Record<RunFolder, number>>>;
    readonly dataFiles: number;
    readonly snapshots: number;
    readonly pins: number;
  };
  /** Saved training sets that can't be made again. */
  readonly trainingSets: readonly string[];
  /** Of the same lake: their snapshots went too, their rows are their own to forget. */
  readonly otherProjects: readonly string[];
  /** What the person has to do. */
  readonly yours: Pick<Beyond, 'sources' | 'files'> & { readonly definitions: readonly string[] };
  readonly notes: readonly string[];
  /** `undefined` in a dry run. */
  readonly proof: Proof | undefined;
  readonly left: readonly Left[];
  readonly tookMs: number;
}
