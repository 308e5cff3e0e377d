import { describe } from 'vitest';
import { env, postgresSource } from '../../src/definitions/index.js';
import { runPostgres } from '../../src/toolchain/services/index.js';
import { lacks, startPostgres } from '../support/services.js';
import { batchSourceSuite } from './batch-source.js';

const columns =
  'id bigint, at timestamptz, made timestamptz, whole int, "real" double precision, words text, flag boolean';

describe.skipIf(lacks('postgres'))('Postgres', () => {
  for (const what of [{ table: 'public.facts' }, { query: 'SELECT * FROM facts' }]) {
    batchSourceSuite(`Postgres ${Object.keys(what)[0]}`, async () => {
      const server = await startPostgres();
      const url = await server.createDatabase('facts');
      const sql = (text: string, values: unknown[] = []) =>
        runPostgres({ port: server.port, password: server.password, database: 'facts' }, text, values);
      await sql(`CREATE TABLE facts (${columns})`);
      return {
        projectRoot: '/',
        env: { FACTS_URL: url },
        put: async (rows) => {
          await sql('TRUNCATE facts');
          await sql(`INSERT INTO facts SELECT * FROM json_to_recordset($1) AS t (${columns})`, [JSON.stringify(rows)]);
        },
        define: (options) =>
          postgresSource({
            name: 'facts',
            connection: env('FACTS_URL'),
            ...what,
            timestampField: 'at',
            createdTimestampField: 'made',
            ...options,
          }),
        close: () => server.close(),
      };
    });
  }
});
