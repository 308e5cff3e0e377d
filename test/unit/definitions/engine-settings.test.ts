import { describe, expect, it } from 'vitest';
import { env, featureStoreConfig, readSetting } from '../../../src/definitions/index.js';
import { DefinitionError } from '../../../src/errors.js';

const raw = featureStoreConfig as (def: Record<string, unknown>) => unknown;
const problem = (over: object): DefinitionError => {
  try {
    raw({ project: 'p', ...over });
  } catch (error) {
    if (error instanceof DefinitionError) return error;
    throw error;
  }
  throw new Error('it was accepted');
};

describe('engine settings', () => {
  it('are taken from the environment when read, not when defined', () => {
    const url = env('ASOF_TEST_URL');
    expect(featureStoreConfig({ project: 'p', onlineStore: { type: 'redis', url } }).onlineStore).toEqual({
      type: 'redis',
      url: { env: 'ASOF_TEST_URL', fallback: undefined },
    });
    expect(readSetting('here', 'url', url, { ASOF_TEST_URL: 'redis://a' })).toBe('redis://a');
    expect(readSetting('here', 'url', env('ASOF_TEST_URL', 'redis://b'), {})).toBe('redis://b');
  });

  it.each([undefined, ''])('say which variable is not set (%j)', (value) => {
    expect(() => readSetting('here', 'url', env('ASOF_TEST_URL'), { ASOF_TEST_URL: value })).toThrow(
      expect.objectContaining({
        message: 'here: url is to be read from ASOF_TEST_URL, which is not set',
        mend: 'export ASOF_TEST_URL=…',
      }),
    );
  });

  it.each([
    { catalog: { type: 'postgres', url: 'postgres://user:hunter2@host/db' } },
    { onlineStore: { type: 'redis', url: 'redis://:hunter2@host' } },
    { onlineStore: { type: 'redis', url: 'redis://host', password: 'hunter2' } },
    { onlineStore: { type: 'redis', sentinel: { name: 'm', nodes: 'a:1', password: 'hunter2' } } },
    {
      streamSource: {
        type: 'kafka',
        brokers: 'a:1',
        sasl: { mechanism: 'plain', username: 'u', password: 'hunter2' },
      },
    },
  ])('refuse a password that is written down, without showing it: %j', (over) => {
    const { message, mend } = problem(over);
    expect(message).toMatch(/holds a password in the definitions/);
    expect(mend).toMatch(/env\('SOME_VARIABLE'\)/);
    expect(message + mend).not.toContain('hunter2');
  });

  it.each<[object, RegExp, RegExp]>([
    [{ catalog: { type: 'mysql' } }, /catalog.type "mysql" is unknown/, /sqlite.*postgres/],
    [{ catalog: { type: 'postgres' } }, /catalog.url is missing/, /env\(/],
    [{ catalog: { type: 'sqlite', url: 'x' } }, /unknown field "url"/, /known fields: type/],
    [{ onlineStore: { type: 'redis' } }, /none of url, cluster, sentinel/, /url: env/],
    [{ onlineStore: { type: 'redis', url: 'redis://a', cluster: 'a:1' } }, /url and cluster/, /give one/],
    [{ onlineStore: { type: 'redis', url: 'redis://a', readTimeout: 500 } }, /readTimeout 500/, /unit/],
    [{ onlineStore: { type: 'redis', url: 'redis://a', tls: { cert: 'c.pem' } } }, /only one of cert and key/, /both/],
    [{ onlineStore: { type: 'redis', url: 'redis://a', tsl: true } }, /unknown field "tsl"/, /tls/],
    [{ streamSource: { type: 'kafka' } }, /brokers is missing/, /env\(/],
    [
      {
        streamSource: {
          type: 'kafka',
          brokers: 'a:1',
          sasl: { mechanism: 'gssapi', username: 'u', password: env('P') },
        },
      },
      /mechanism "gssapi" is unknown/,
      /scram-sha-512/,
    ],
  ])('refuse %j', (over, message, mend) => {
    expect(problem(over).message).toMatch(message);
    expect(problem(over).mend).toMatch(mend);
  });
});
