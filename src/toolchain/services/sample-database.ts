import pg from 'pg';
import { AsofError, DataError, StoreUnavailableError } from '../../errors.js';
import { withScratchDatabase } from '../../lake/scratch-database.js';

/** The table that the sample's definitions read: hourly statistics of drivers, as the file has them. */
export const sampleTable = 'public.driver_stats';

const columns = `datetime timestamptz NOT NULL, driver_id bigint NOT NULL, conv_rate double precision, acc_rate double precision,
  avg_daily_trips bigint, created timestamp, "__index_level_0__" bigint`;

/** Any number, the same in every process: two that seed at once take turns. */
const seedLock = 7_205_061_413;

/**
 * Fills the database that the sample pipeline reads from with the rows of the sample file. The table is made when it is not there;
 * one that holds rows is left as it is.
 * @param url `postgres://user:password@host:port/database`.
 * @param parquetFile `data/driver_stats.parquet`.
 * @returns the rows that were written; 0 = the table was filled before.
 * @throws StoreUnavailableError when the database can't be reached or refuses the table; nothing is written then.
 */
export async function seedSampleDatabase(url: string, parquetFile: string): Promise<number> {
  return withClient(url, async (client) => {
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock($1)', [seedLock]);
    await client.query(`CREATE TABLE IF NOT EXISTS ${sampleTable} (${columns})`);
    const { rows: some } = await client.query(`SELECT 1 FROM ${sampleTable} LIMIT 1`);
    const seeded = some.length > 0 ? 0 : await insertRows(client, parquetFile);
    await client.query('COMMIT');
    return seeded;
  });
}

/** As JSON, which carries a double to its last digit and times in microseconds. */
async function insertRows(client: pg.Client, parquetFile: string): Promise<number> {
  const rows = await withScratchDatabase({}, (session) =>
    session.all<{ row: string }>('SELECT to_json(t)::VARCHAR AS row FROM read_parquet($1) AS t', [parquetFile]),
  );
  if (rows.length === 0) throw new DataError('the file has no rows', { where: parquetFile });
  const { rowCount } = await client.query(
    `INSERT INTO ${sampleTable} SELECT * FROM json_to_recordset($1) AS t (${columns.replaceAll(' NOT NULL', '')})`,
    [`[${rows.map(({ row }) => row).join(',')}]`],
  );
  return rowCount ?? 0;
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  // A connection that breaks rejects the query at work; without a listener it would end the process too.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } catch (error) {
    if (error instanceof AsofError) throw error;
    const { message, code } = error as { message: string; code?: string };
    throw new StoreUnavailableError(`the sample's table can't be filled: ${message || code}`, {
      where: sampleTable,
      mend: 'check that Postgres runs and that the user of the URL may create tables',
      cause: error,
    });
  } finally {
    await client.end().catch(() => undefined);
  }
}
