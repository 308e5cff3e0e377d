import { describe, expect, it } from 'vitest';
import { DefinitionError, StoreUnavailableError } from '../../../src/errors.js';
import { isConflict } from '../../../src/lake/index.js';
import { statementError } from '../../../src/lake/postgres/postgres-errors.js';
import { parsePostgresUrl } from '../../../src/lake/postgres/postgres-url.js';

const address = parsePostgresUrl('postgres://asof:top-secret@db:5433/lake');
const of = (message: string) => statementError(new Error(message), address) as Error & { mend?: string };
const batch = (values: string, error: string) =>
  `TransactionContext Error: Failed to commit: Failed to commit DuckLake transaction.\nExceeded the maximum retry count of 10 set by the ducklake_max_retry_count setting.\n. Consider increasing the value with: e.g., "SET ducklake_max_retry_count = 100;": Failed to execute query "BEGIN;INSERT INTO "public".t VALUES (${values});": ${error}`;

describe('errors of a Postgres catalog, as DuckDB met them', () => {
  it.each([
    batch(
      '1',
      'ERROR:  duplicate key value violates unique constraint "ducklake_snapshot_pkey"\nDETAIL:  Key (snapshot_id)=(7) already exists.\n',
    ),
    'TransactionContext Error: Failed to commit: Failed to commit DuckLake transaction.\nTransaction conflict - attempting to insert into table with index "13" - but another transaction has deleted from it',
    'TransactionContext Error: Failed to commit: Failed to commit DuckLake transaction.\nTransaction conflict - attempting to create table "c1" in schema "test" - but this table has been created by another transaction already',
    batch('1', 'ERROR:  could not serialize access due to concurrent update'),
    batch('1', 'ERROR:  deadlock detected\nDETAIL:  Process 1 waits'),
  ])('are conflicts: %s', (message) => {
    expect(isConflict(of(message))).toBe(true);
  });

  it.each([
    'TransactionContext Error: Failed to commit: Failed to execute query "ROLLBACK": ',
    'IO Error: Failed to query most recent snapshot for DuckLake: Unable to connect to Postgres at "": connection to server at "127.0.0.1", port 5433 failed: Connection refused\n\tIs the server running on that host?',
    'Invalid Error: Failed to prepare COPY "COPY (SELECT 1) TO STDOUT (FORMAT "binary");": server closed the connection unexpectedly\n\tThis probably means',
    'TransactionContext Error: Failed to get data file list from DuckLake: Current transaction is aborted (please ROLLBACK)',
    batch('1', 'FATAL:  terminating connection due to administrator command'),
  ])('are a lost connection, never a conflict: %s', (message) => {
    const error = of(message);
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(error.message).toMatch(/^catalog db:5433\/lake: the connection to Postgres is lost: \S/);
    expect(error.message).not.toContain('\n');
    expect(isConflict(error)).toBe(false);
  });

  it('neither quote rows nor are judged by what stands in them', () => {
    const rows = `'database is locked, conflict with, duplicate key value violates": ERROR:  nothing', 'Jane Doe'`;
    const lost = of(batch(rows, 'server closed the connection unexpectedly'));
    expect(isConflict(lost)).toBe(false);
    expect(lost).toBeInstanceOf(StoreUnavailableError);
    const other = of(
      `Failed to execute query "INSERT INTO t VALUES (${rows})": ERROR:  value too long for type\nDETAIL:  Jane Doe\nCONTEXT:  Jane Doe`,
    );
    expect(isConflict(other)).toBe(false);
    expect(other.message).toContain('value too long');
    for (const error of [lost, other]) {
      expect(`${error.message} ${error.stack} ${String(error.cause)}`).not.toMatch(/Jane|locked|INSERT|top-secret/);
    }
  });

  it('say what the server lacks', () => {
    const full = of(batch('1', 'ERROR:  could not extend file "base/1": No space left on device'));
    expect(full).toBeInstanceOf(StoreUnavailableError);
    expect(full.mend).toContain('host of Postgres');
    const standby = of(batch('1', 'ERROR:  cannot execute INSERT in a read-only transaction'));
    expect(standby).toBeInstanceOf(StoreUnavailableError);
    expect(standby.mend).toContain('standby');
    const denied = of(batch('1', 'ERROR:  permission denied for table ducklake_snapshot'));
    expect(denied).toBeInstanceOf(DefinitionError);
    expect(denied.mend).toContain('GRANT');
  });

  it('leaves what is not of Postgres as it is', () => {
    const error = new Error('Catalog Error: Table with name x does not exist!');
    expect(statementError(error, address)).toBe(error);
  });
});

describe('the URL of a Postgres catalog', () => {
  it('is read with its escapes and parameters', () => {
    expect(
      parsePostgresUrl(
        'postgresql://a%40b:p%2F%3Aw@[::1]/my%20lake?sslmode=verify-full&sslrootcert=/ca.pem&connect_timeout=3&schema=two',
      ),
    ).toEqual({
      shown: '::1:5432/my lake (schema two)',
      host: '::1',
      port: 5432,
      database: 'my lake',
      user: 'a@b',
      password: 'p/:w',
      sslmode: 'verify-full',
      connectTimeoutMs: 3_000,
      schema: 'two',
      parameters: { sslrootcert: '/ca.pem', connect_timeout: '3' },
    });
  });

  it('may lead to a socket', () => {
    expect(parsePostgresUrl('postgres://asof@localhost/lake?host=/var/run/postgresql')).toMatchObject({
      host: '/var/run/postgresql',
      password: undefined,
      sslmode: 'prefer',
    });
  });
});
