import { describe, expect, it } from 'vitest';
import { redisFailure, saidBy } from '../../../src/online-store/redis-errors.js';
import { checkServer, checkWritable, parseInfo } from '../../../src/online-store/redis-server.js';

const info = (fields: Record<string, string>) =>
  parseInfo(
    `# Server\r\n${Object.entries(fields)
      .map(([name, value]) => `${name}:${value}\r\n`)
      .join('')}`,
  );
const where = 'Redis at h:1';

describe('what a Redis server says of itself', () => {
  it('is read field by field', () => {
    expect([...info({ redis_version: '7.0.15', executable: '/usr/bin/redis-server:x' })]).toEqual([
      ['redis_version', '7.0.15'],
      ['executable', '/usr/bin/redis-server:x'],
    ]);
  });

  it.each(['7.0.0', '7.2.4', '8.0.1', '10.1'])('version %s will do', (redis_version) => {
    checkServer(info({ redis_version }), where, { cluster: false });
  });

  it.each(['6.2.14', '2.8', 'x', undefined])('version %s is refused with the mend', (version) => {
    const said = info(version === undefined ? {} : { redis_version: version });
    expect(() => checkServer(said, where, { cluster: false })).toThrow(
      `Redis at h:1: the server is Redis ${version ?? 'unknown'}`,
    );
  });

  it('tells a node of a Cluster that was named as a server', () => {
    const said = info({ redis_version: '7.0.0', cluster_enabled: '1' });
    expect(() => checkServer(said, where, { cluster: false })).toThrow('node of a Cluster');
    checkServer(said, where, { cluster: true });
  });

  it('tells what can not be written to', () => {
    const fits = { role: 'master', maxmemory: '1000', maxmemory_policy: 'noeviction' };
    checkWritable(info(fits), where);
    checkWritable(info({ ...fits, maxmemory: '0', maxmemory_policy: 'allkeys-lru' }), where);
    expect(() => checkWritable(info({ ...fits, maxmemory_policy: 'volatile-lru' }), where)).toThrow('volatile-lru');
    expect(() => checkWritable(info({ ...fits, role: 'slave' }), where)).toThrow('read-only replica');
  });
});

describe('errors of the driver', () => {
  it('lose the command that failed, which may hold a password', () => {
    const error = Object.assign(new Error('ERR something new'), { command: { name: 'auth', args: ['secret'] } });
    const ours = redisFailure(error, where);
    expect(ours).toMatchObject({
      name: 'StoreUnavailableError',
      message: 'Redis at h:1: Redis failed: ERR something new',
    });
    expect(ours.cause).toBeUndefined();
  });

  it('are told by their innermost reason', () => {
    const inner = Object.assign(new Error('connect ECONNREFUSED 1.2.3.4:5'), { code: 'ECONNREFUSED' });
    expect(saidBy(Object.assign(new Error('Failed to refresh slots cache.'), { lastNodeError: inner }))).toBe(
      inner.message,
    );
    expect(saidBy(new AggregateError([inner], ''))).toBe(inner.message);
    expect(saidBy(Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO' }))).toBe(
      'DEPTH_ZERO: self-signed certificate',
    );
  });

  it.each([
    ['LOADING Redis is loading the dataset in memory', 'StoreUnavailableError', 'loading'],
    ['DENIED Redis is running in protected mode because', 'DefinitionError', 'protected mode'],
    ['ERR max number of clients reached', 'StoreUnavailableError', 'connections'],
    ['MISCONF Redis is configured to save RDB snapshots', 'StoreUnavailableError', 'disk'],
    ['CLUSTERDOWN Hash slot not served', 'StoreUnavailableError', 'no master'],
    ['WRONGTYPE Operation against a key', 'DefinitionError', "asof didn't put there"],
  ])('%s is a %s', (said, name, text) => {
    const error = redisFailure(new Error(said), where);
    expect(error).toMatchObject({ name, message: expect.stringContaining(text) });
    expect(error.mend).toBeTruthy();
  });
});
