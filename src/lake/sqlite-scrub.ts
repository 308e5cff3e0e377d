import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '../config.js';
import { StoreUnavailableError } from '../errors.js';
import { firstLine } from './first-line.js';
import { withScratchDatabase } from './scratch-database.js';
import type { Session } from './session.js';
import { id, lit } from './sql.js';
import { isConflict } from './transaction.js';

/** The database as the scratch session knows it, and the tables made for the time of the work. */
const attached = 'scrubbed';
const copy = 'asof_copy';
const blank = 'asof_blank';

/**
 * Writes every table of a SQLite file anew while freed pages are overwritten with zeros, and overwrites those that are free already.
 * What VACUUM would do, which DuckDB's extension has no way to run; in one transaction, so others see all or nothing of it.
 * @throws StoreUnavailableError when others hold the file for too long.
 */
export async function scrubSqlite(file: string): Promise<void> {
  const giveUpAt = Date.now() + limits.scrubMaxMs;
  for (;;) {
    try {
      return await withScratchDatabase({ extensions: ['sqlite_scanner'] }, async (session) => {
        await session.run(`ATTACH ${lit(file)} AS ${attached} (TYPE sqlite)`);
        await session.run('BEGIN');
        try {
          await scrub(session);
          await session.run('COMMIT');
        } catch (error) {
          await session.rollback().catch(() => undefined);
          throw error;
        }
      });
    } catch (error) {
      if (!isConflict(error) || Date.now() > giveUpAt) {
        throw new StoreUnavailableError(`what was deleted can't be overwritten: ${firstLine(error)}`, {
          where: file,
          mend: 'do it again when fewer others write',
          cause: error,
        });
      }
    }
    await sleep(50 + Math.random() * 200);
  }
}

async function scrub(session: Session): Promise<void> {
  // A first read, so that the extension has the file open in this transaction.
  await session.all(`SELECT count(*) FROM ${attached}.ducklake_snapshot`);
  const on = await ask<{ secure_delete: string }>(session, 'PRAGMA secure_delete = ON');
  if (String(on[0]?.secure_delete) !== '1')
    throw new StoreUnavailableError('SQLite does not overwrite what it deletes');
  const bytes = Number((await ask<{ free: string }>(session, freeBytes))[0]?.free ?? 0);
  if (bytes > 0) {
    await session.run(`CREATE TABLE ${attached}.${blank} (filling BLOB)`);
    for (let left = bytes; left > 0; left -= blankBytes)
      await ask(session, `INSERT INTO ${blank} SELECT zeroblob(${Math.min(left, blankBytes)}) RETURNING 1`);
  }
  const tables = await ask<{ name: string; sql: string }>(
    session,
    `SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name <> '${blank}'`,
  );
  for (const { name, sql } of tables) await writeAnew(session, name, sql);
  if (bytes > 0) await session.run(`DROP TABLE ${attached}.${blank}`);
}

const freeBytes =
  'SELECT (SELECT freelist_count FROM pragma_freelist_count) * (SELECT page_size FROM pragma_page_size) AS free';
/** SQLite's largest value is 1 GB. */
const blankBytes = 64 * 1024 * 1024;

/** The rows are copied by SQLite itself, so no value goes through another's types. */
async function writeAnew(session: Session, name: string, sql: string): Promise<void> {
  const head = /^CREATE TABLE ("(?:[^"]|"")+"|\w+)\s*\(/.exec(sql);
  if (head === null) throw new Error(`table ${name} was made in an unknown way`);
  const columns = sql.slice(head[0].length);
  await session.run(`CREATE TABLE ${attached}.${copy} (${columns}`);
  const copied = await session.one<{ n: bigint }>(
    `SELECT count(*) AS n FROM ${query(`INSERT INTO ${copy} SELECT * FROM ${id(name)} ORDER BY rowid RETURNING 1`)}`,
  );
  const [there] = await ask<{ n: string }>(session, `SELECT count(*) AS n FROM ${id(name)}`);
  if (Number(copied?.n) !== Number(there?.n)) throw new Error(`table ${name} was not copied whole`);
  await session.run(`DROP TABLE ${attached}.${id(name)}`);
  await session.run(`ALTER TABLE ${attached}.${copy} RENAME TO ${id(name)}`);
  const [now] = await ask<{ sql: string }>(session, `SELECT sql FROM sqlite_master WHERE name = ${lit(name)}`);
  if (now === undefined || !sameColumns(now.sql, columns)) throw new Error(`table ${name} would not be what it was`);
}

const sameColumns = (sql: string, columns: string): boolean =>
  sql.replace(/^CREATE TABLE ("(?:[^"]|"")+"|\w+)\s*\(/, '') === columns;

const query = (sql: string): string => `sqlite_query(${lit(attached)}, ${lit(sql)})`;

const ask = <T>(session: Session, sql: string): Promise<T[]> => session.all<T>(`FROM ${query(sql)}`);
