import type pg from 'pg';
import { DefinitionError, StoreUnavailableError } from '../../errors.js';
import { grantMend } from './postgres-errors.js';
import type { PostgresAddress } from './postgres-url.js';

/** The version of DuckLake's catalog that the extension asof is made for reads and writes. */
export const catalogVersion = '1.0';
/** DuckLake's own demand. */
const serverVersionMin = 120_000;

/** A lake that is in the database already. */
export interface ExistingLake {
  /** Where its files are, as it was told when it was made. */
  readonly dataPath: string;
  /** Never changes, and no other lake has it. */
  readonly identity: string;
  /** Something was committed to it since it was made. */
  readonly isUsed: boolean;
}

interface Facts {
  version: number;
  is_standby: boolean;
  read_only: boolean;
  has_schema: boolean;
  may_create: boolean;
  may_create_schema: boolean;
  /** Tables of the schema. */
  tables: string[];
}

const factsSql = `
  SELECT current_setting('server_version_num')::INT AS version, pg_is_in_recovery() AS is_standby,
    current_setting('transaction_read_only')::BOOL AS read_only,
    EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1) AS has_schema,
    coalesce((SELECT has_schema_privilege(oid, 'USAGE') AND has_schema_privilege(oid, 'CREATE')
      FROM pg_namespace WHERE nspname = $1), false) AS may_create,
    has_database_privilege(current_database(), 'CREATE') AS may_create_schema,
    ARRAY(SELECT c.relname::TEXT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') ORDER BY 1) AS tables`;

/**
 * Looks at a database before DuckLake does, which would fill one that holds something else with its tables, and says little of what
 * it lacks. Changes nothing.
 * @returns the lake in it; `undefined` = none yet, and one may be made.
 * @throws DefinitionError or StoreUnavailableError with the mend.
 */
export async function findLake(client: pg.Client, address: PostgresAddress): Promise<ExistingLake | undefined> {
  const { database, schema, user, shown } = address;
  const where = `catalog ${shown}`;
  const fix = (what: string, mend: string): DefinitionError => new DefinitionError(what, { where, mend });
  const facts = (await client.query<Facts>(factsSql, [schema])).rows[0] as Facts;
  if (facts.version < serverVersionMin) {
    throw fix(`Postgres ${Math.floor(facts.version / 10_000)} is too old`, 'use Postgres 12 or newer');
  }
  if (facts.is_standby || facts.read_only) {
    throw new StoreUnavailableError('Postgres lets nobody write', {
      where,
      mend: 'the URL leads to a standby, or to a database set read-only: use the primary',
    });
  }
  if (!facts.tables.includes('ducklake_metadata')) {
    const [first] = facts.tables;
    if (first !== undefined) {
      throw fix(
        `the database holds something else (${facts.tables.slice(0, 5).join(', ')}${facts.tables.length > 5 ? ', …' : ''})`,
        `give asof a database of its own: CREATE DATABASE asof OWNER "${user}"; or a schema: add ?schema=asof to catalog.url`,
      );
    }
    if (!facts.has_schema && !facts.may_create_schema) {
      throw fix(
        `there is no schema "${schema}", and user "${user}" may not make it`,
        `as the owner of the database: CREATE SCHEMA "${schema}" AUTHORIZATION "${user}"`,
      );
    }
    if (facts.has_schema && !facts.may_create) throw fix(`user "${user}" may not make tables`, grantMend(address));
    return undefined;
  }
  // Also of a lake that is there: DuckLake keeps small inserts in tables it makes as needed.
  if (!facts.may_create) throw fix(`user "${user}" may not make tables`, grantMend(address));
  return readLake(client, { schema: `"${schema.replaceAll('"', '""')}"`, database, user, where, address });
}

async function readLake(
  client: pg.Client,
  at: { schema: string; database: string; user: string; where: string; address: PostgresAddress },
): Promise<ExistingLake> {
  const { schema, database, user, where, address } = at;
  const fix = (what: string, mend: string): DefinitionError => new DefinitionError(what, { where, mend });
  const own = async <T extends pg.QueryResultRow>(sql: string): Promise<T[]> => {
    try {
      return (await client.query<T>(sql)).rows;
    } catch (error) {
      const code = (error as { code?: string }).code;
      if (code === '42501') throw fix(`user "${user}" may not use the lake's tables`, grantMend(address));
      if (code !== '42P01' && code !== '42703') throw error;
      throw fix(
        `the database has a table ducklake_metadata, but is no whole DuckLake catalog: ${(error as Error).message}`,
        `restore it from its backup, or give asof a database of its own: CREATE DATABASE asof OWNER "${user}"`,
      );
    }
  };
  const metadata = await own<{ key: string; value: string }>(
    `SELECT key, value FROM ${schema}.ducklake_metadata WHERE key IN ('version', 'data_path')`,
  );
  const of = (key: string): string | undefined => metadata.find((row) => row.key === key)?.value;
  const version = of('version');
  const dataPath = of('data_path');
  if (version !== catalogVersion) {
    const isNewer = version !== undefined && compareVersions(version, catalogVersion) > 0;
    throw fix(
      `the catalog has DuckLake's version ${version ?? '(none)'}; this asof reads ${catalogVersion}`,
      isNewer
        ? 'update asof on this host: a newer one wrote it, and nothing was touched'
        : `an older program wrote it: attach "${database}" once with DuckDB 1.5 and AUTOMATIC_MIGRATION, or give asof a database of its own`,
    );
  }
  const [found] = await own<{ identity: string; is_used: boolean; may_write: boolean }>(
    `SELECT (SELECT schema_uuid::TEXT FROM ${schema}.ducklake_schema ORDER BY schema_id, begin_snapshot LIMIT 1) AS identity,
       EXISTS (SELECT 1 FROM ${schema}.ducklake_snapshot WHERE snapshot_id > 0) AS is_used,
       has_table_privilege(${literal(`${schema}.ducklake_snapshot`)}, 'INSERT') AS may_write`,
  );
  if (found?.may_write !== true) throw fix(`user "${user}" may not write into the lake's tables`, grantMend(address));
  if (dataPath === undefined || found.identity === null) {
    throw fix('the catalog says nothing of its files', `restore "${database}" from its backup`);
  }
  return { dataPath, identity: found.identity, isUsed: found.is_used };
}

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** By their numbers: `1.10` is newer than `1.9`; `1.1-dev.1` newer than `1.0`. */
function compareVersions(a: string, b: string): number {
  const numbers = (version: string): number[] => (version.match(/\d+/g) ?? []).map(Number);
  const [left, right] = [numbers(a), numbers(b)];
  for (let index = 0; index < 2; index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
