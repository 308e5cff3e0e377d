import { Cluster, Redis } from 'ioredis';
import { limits } from '../config.js';
import type { RedisTarget } from './redis-settings.js';

export type RedisClient = Redis | Cluster;

/**
 * A client that is not connected yet. It connects again by itself, for ever; while it is not connected commands fail at once instead
 * of waiting in a queue, and those that were under way when a connection broke fail as well: whoever sent them decides what to do.
 */
export function redisClient(target: RedisTarget): RedisClient {
  const { type, nodes, username, password, tls, database, group, sentinelPassword } = target;
  const common = {
    username,
    password,
    tls,
    connectionName: 'asof',
    disableClientInfo: true,
    connectTimeout: limits.redisConnectTimeoutMs,
    socketTimeout: limits.redisSilenceMaxMs,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    lazyConnect: true,
  };
  const delay = (times: number): number => Math.min(50 * 2 ** Math.min(times, 10), limits.redisReconnectDelayMaxMs);
  if (type === 'cluster') {
    return new Cluster([...nodes], {
      lazyConnect: true,
      clusterRetryStrategy: delay,
      // Addresses the nodes give of themselves are taken as they are; certificates name hosts.
      ...(tls === undefined ? {} : { dnsLookup: (address, callback) => callback(null, address) }),
      redisOptions: common,
    });
  }
  const alone = { ...common, db: database, enableOfflineQueue: false, retryStrategy: delay };
  // Ours tells what it finds; the driver's would wait without a word while the server loads its data.
  if (type === 'server') return new Redis({ ...alone, ...nodes[0], enableReadyCheck: false });
  return new Redis({
    ...alone,
    ...(group !== undefined && { name: group }),
    sentinels: [...nodes],
    sentinelPassword,
    ...(tls === undefined ? {} : { enableTLSForSentinelMode: true, sentinelTLS: tls }),
    // All were asked and none answered: told at once, and asked again when the next command comes.
    sentinelRetryStrategy: () => null,
    failoverDetector: true,
    // The master was made a replica: ask the sentinels anew.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  });
}
