import { DefinitionError, StoreUnavailableError } from '../errors.js';

/** What `INFO` says of a server, by field. */
export type RedisInfo = ReadonlyMap<string, string>;

export function parseInfo(text: string): RedisInfo {
  const fields = new Map<string, string>();
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0 && !line.startsWith('#')) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

/** The first version with functions the scripts and expiry rely on that is still cared for. */
const majorMin = 7;

/**
 * @throws DefinitionError for a server that is too old, or a node of a Cluster that was named as a single server;
 * StoreUnavailableError while it loads its data.
 */
export function checkServer(info: RedisInfo, where: string, { cluster }: { cluster: boolean }): void {
  const version = info.get('redis_version') ?? 'unknown';
  const major = Number.parseInt(version, 10);
  if (!(major >= majorMin)) {
    throw new DefinitionError(`the server is Redis ${version}`, {
      where,
      mend: `use Redis ${majorMin}.0 or newer (or Valkey)`,
    });
  }
  if (info.get('loading') === '1') {
    throw new StoreUnavailableError('the server is still loading its data', {
      where,
      mend: 'wait until it has; it is tried again',
    });
  }
  if (!cluster && info.get('cluster_enabled') === '1') {
    throw new DefinitionError('the server is a node of a Cluster', {
      where,
      mend: "name it by onlineStore.cluster: env('ASOF_REDIS_NODES') instead of url",
    });
  }
}

/**
 * Whether a server may be written to.
 * @throws DefinitionError when it would silently drop rows once its memory is full; StoreUnavailableError when it is a replica.
 */
export function checkWritable(info: RedisInfo, where: string): void {
  if (info.get('role') === 'slave') {
    throw new StoreUnavailableError('the server is a read-only replica', {
      where,
      mend: 'connect to the master; by onlineStore.sentinel or onlineStore.cluster it is found also after a failover',
    });
  }
  const policy = info.get('maxmemory_policy');
  const max = Number(info.get('maxmemory') ?? 0);
  if (max > 0 && policy !== undefined && policy !== 'noeviction') {
    throw new DefinitionError(
      `the server drops keys when its ${info.get('maxmemory_human') ?? max} are full (maxmemory-policy ${policy}): online rows would silently be missing`,
      { where, mend: 'redis-cli CONFIG SET maxmemory-policy noeviction (and in its configuration), or another server' },
    );
  }
}
