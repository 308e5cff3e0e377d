import { describe, expect, it } from 'vitest';
import { limits } from '../../../src/config.js';
import type { RedisSettings } from '../../../src/definitions/index.js';
import { DefinitionError, describeError } from '../../../src/errors.js';
import { redisTarget } from '../../../src/online-store/redis-settings.js';

const secret = 'p@ss:w/rd';
const target = (settings: Omit<RedisSettings, 'type'>, environment: Record<string, string> = {}) =>
  redisTarget({ type: 'redis', ...settings }, { where: 'featureStoreConfig "x"', environment, root: '/nowhere' });
const env = (name: string) => ({ env: name, fallback: undefined });

describe('settings of Redis', () => {
  it('reads a URL: user, password with escapes, database, TLS', () => {
    const url = `rediss://app:${encodeURIComponent(secret)}@cache.example.com:7000/3`;
    const read = target({ url: env('URL') }, { URL: url });
    expect(read).toMatchObject({
      type: 'server',
      where: 'Redis at cache.example.com:7000',
      nodes: [{ host: 'cache.example.com', port: 7000 }],
      username: 'app',
      password: secret,
      database: 3,
      tls: {},
      readTimeoutMs: limits.redisReadTimeoutMs,
    });
    expect(read.where).not.toContain(secret);
    expect(target({ url: 'redis://[::1]' })).toMatchObject({
      nodes: [{ host: '::1', port: 6379 }],
      database: 0,
      tls: undefined,
      password: undefined,
    });
  });

  it('reads nodes of a Cluster, sentinels, a user and a time of their own', () => {
    expect(
      target(
        { cluster: 'a:1, b ,[::1]:3', username: 'app', password: env('PW'), tls: true, readTimeout: '2 seconds' },
        { PW: secret },
      ),
    ).toMatchObject({
      type: 'cluster',
      where: 'Redis Cluster at a:1, b:6379, ::1:3',
      nodes: [
        { host: 'a', port: 1 },
        { host: 'b', port: 6379 },
        { host: '::1', port: 3 },
      ],
      username: 'app',
      password: secret,
      tls: {},
      readTimeoutMs: 2_000,
    });
    expect(target({ sentinel: { name: 'main', nodes: 's1,s2:5', password: env('PW') } }, { PW: secret })).toMatchObject(
      {
        type: 'sentinel',
        group: 'main',
        nodes: [
          { host: 's1', port: 26_379 },
          { host: 's2', port: 5 },
        ],
        sentinelPassword: secret,
        password: undefined,
      },
    );
  });

  it.each<[string, Omit<RedisSettings, 'type'>, Record<string, string>, RegExp]>([
    ['a variable that is not set', { url: env('URL') }, {}, /URL, which is not set/],
    ['no URL', { url: env('URL') }, { URL: secret }, /is no URL/],
    ['another protocol', { url: env('URL') }, { URL: `http://x:${secret}@h` }, /is no URL|begins with http/],
    ['a database that is no number', { url: 'redis://h/abc' }, {}, /no number/],
    ['parameters', { url: 'redis://h/0?family=6' }, {}, /parameters/],
    ['a bad escape', { url: env('URL') }, { URL: 'redis://u:100%@h' }, /written %25/],
    ['TLS on and off', { url: 'rediss://h', tls: false }, {}, /tls is false/],
    ['a user without password', { url: 'redis://h', username: 'app' }, {}, /user name and no password/],
    ['a URL as nodes', { cluster: env('N') }, { N: `redis://u:${secret}@h:1` }, /no list of nodes/],
    ['a port that is none', { cluster: 'h:70000' }, {}, /no list of nodes/],
    [
      'a file that is not there',
      { url: 'redis://h', tls: { ca: 'ca.pem' } },
      {},
      /tls.ca can't be read: ENOENT.*nowhere/,
    ],
  ])('refuses %s, with the mend and without a secret', (_, settings, environment, message) => {
    try {
      target(settings, environment);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(DefinitionError);
      expect(describeError(error)).toMatch(message);
      expect(describeError(error)).toMatch(/→/);
      expect(describeError(error)).not.toContain(secret);
    }
  });
});
