import { connectPostgres } from './postgres-client.js';
import { connectionError } from './postgres-errors.js';
import { parsePostgresUrl } from './postgres-url.js';
import { catalogVersion, findLake } from './preflight.js';

/** What is found where a catalog is to be. */
export interface CatalogFound {
  /** `host:port/database`. */
  readonly shown: string;
  /** Version of the server. */
  readonly server: string;
  /** The lake; `undefined` = none yet, and one may be made. */
  readonly lake: { readonly version: string } | undefined;
}

/**
 * Looks at the database of a catalog and changes nothing.
 * @throws DefinitionError or StoreUnavailableError with the mend when no lake could be opened there.
 */
export async function lookAtPostgresCatalog(url: string): Promise<CatalogFound> {
  const address = parsePostgresUrl(url);
  try {
    const client = await connectPostgres(address);
    try {
      const lake = await findLake(client, address);
      const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
      const server = rows[0]?.server_version.split(' ')[0] ?? 'unknown';
      // Another version was refused.
      return { shown: address.shown, server, lake: lake && { version: catalogVersion } };
    } finally {
      await client.end().catch(() => undefined);
    }
  } catch (error) {
    throw connectionError(error, address);
  }
}
