import { randomUUID } from 'node:crypto';
import { limits } from '../config.js';
import { AsofError, StoreUnavailableError } from '../errors.js';
import { firstLine } from './first-line.js';
import type { Session } from './session.js';
import { lit } from './sql.js';

export interface TransactionOptions {
  /** What the commit is for; kept as the snapshot's message. */
  readonly message: string;
  /** Marks commits that change no data (upkeep), so that materialize can skip their snapshots. */
  readonly upkeep?: boolean;
  /** Attempts against other writers; default: many. */
  readonly attempts?: number;
  /** Default: limits.transactionMaxMs, on which upkeep relies. */
  readonly maxMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs `work` in one transaction of the lake and commits it, from the start again when another writer got in between.
 *
 * Any error of a statement or of `work` rolls everything back: a COMMIT after a failed statement would keep what came before it.
 * A COMMIT whose outcome is unknown is looked up by the mark it carries before it is tried again, so nothing is written twice.
 * `work` may run several times: it must start from what it reads, and do no lasting work outside the session.
 * @returns what `work` returned and the snapshot that holds the commit (the newest one if nothing was written).
 * @throws StoreUnavailableError when the limit of attempts is reached, or a transaction takes too long; AsofErrors of `work` as they are.
 */
export async function runTransaction<T>(
  session: Session,
  catalog: string,
  {
    message,
    upkeep = false,
    attempts = limits.transactionAttemptsMax,
    maxMs = limits.transactionMaxMs,
    signal,
  }: TransactionOptions,
  work: (session: Session) => Promise<T>,
): Promise<{ result: T; snapshot: number }> {
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted();
    const mark = randomUUID();
    let done: { result: T } | undefined;
    try {
      await session.run('BEGIN TRANSACTION');
      const result = await withinTime(session, message, maxMs, () => work(session));
      const info = JSON.stringify({ mark, ...(upkeep ? { upkeep: true } : {}) });
      await session.run(`CALL ${catalog}.set_commit_message('asof', ${lit(message)}, extra_info => ${lit(info)})`);
      done = { result };
      await session.run('COMMIT');
      return { result, snapshot: await committedSnapshot(session, catalog) };
    } catch (error) {
      await session.rollback().catch(() => undefined);
      // Once the commit was asked for, its outcome is what counts, whatever the error.
      if ((error instanceof AsofError && done === undefined) || signal?.aborted === true) throw error;
      if (!isConflict(error)) {
        if (done === undefined) throw error;
        const snapshot = await lookUp(session, catalog, { message, mark, error });
        if (snapshot !== undefined) return { ...done, snapshot };
        const mend =
          error instanceof AsofError ? error.mend : 'check the free space and the permissions of the state folder';
        throw new StoreUnavailableError(`the lake could not commit "${message}": ${firstLine(error)}`, {
          cause: error,
          mend: `nothing was written; ${mend}`,
        });
      }
      if (attempt >= attempts) {
        throw new StoreUnavailableError(`"${message}" lost against other writers ${attempt} times`, {
          cause: error,
          mend: 'it is tried again later; if it stays, look for a writer that commits without pause',
        });
      }
    }
    const most = Math.min(limits.transactionRetryDelayMaxMs, limits.transactionRetryDelayMinMs * 2 ** attempt);
    await new Promise((resolve) => setTimeout(resolve, limits.transactionRetryDelayMinMs + Math.random() * most));
  }
}

/** Files written for a transaction are no orphans while it may still commit, so its time has an end. */
async function withinTime<T>(session: Session, message: string, maxMs: number, work: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new StoreUnavailableError(`"${message}" took longer than ${Math.round(maxMs / 1_000)} s`, {
        mend: 'it was rolled back, nothing was written; look for what it waits for, or give it less to do at once',
      });
      session.end(error);
      reject(error);
    }, maxMs);
  });
  try {
    return await Promise.race([work(), over]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Two catalogs, two vocabularies: SQLite says it is locked; on Postgres DuckLake names what another transaction changed, or gives up
 * because others took the next snapshot's number too often.
 */
export function isConflict(error: unknown): boolean {
  return (
    error instanceof Error &&
    /database is locked|transaction conflict|conflict(s|ed)? with|could not serialize|write-write conflict|exceeded the maximum retry count|duplicate key value violates|deadlock detected/i.test(
      error.message,
    )
  );
}

async function committedSnapshot(session: Session, catalog: string): Promise<number> {
  const own = await session.one<{ id: bigint | null }>(`FROM ducklake_last_committed_snapshot(${lit(catalog)})`);
  if (own?.id != null) return Number(own.id);
  return Number((await session.one<{ id: bigint }>(`FROM ${catalog}.current_snapshot()`))?.id ?? 0);
}

/**
 * Looks for a commit whose outcome is unknown, for a while also in a catalog that is away: it may be starting again.
 * @throws StoreUnavailableError when it stays away.
 */
async function lookUp(
  session: Session,
  catalog: string,
  { message, mark, error }: { message: string; mark: string; error: unknown },
): Promise<number | undefined> {
  const giveUpAt = Date.now() + limits.commitLookupMaxMs;
  for (;;) {
    try {
      return await findMark(session, catalog, mark);
    } catch (problem) {
      if (!(problem instanceof StoreUnavailableError)) throw problem;
      if (session.isStuck || Date.now() > giveUpAt) {
        throw new StoreUnavailableError(`whether "${message}" was committed is not known: ${firstLine(problem)}`, {
          cause: error,
          mend: 'see that the catalog can be reached, then do it again: what is in the lake already is not written twice',
        });
      }
    }
    await new Promise((resolve) => setTimeout(resolve, limits.commitLookupEveryMs));
  }
}

async function findMark(session: Session, catalog: string, mark: string): Promise<number | undefined> {
  const found = await session.one<{ id: bigint }>(
    `SELECT snapshot_id AS id FROM ${catalog}.snapshots() WHERE commit_extra_info LIKE '%' || $1 || '%'`,
    [mark],
  );
  return found === undefined ? undefined : Number(found.id);
}
