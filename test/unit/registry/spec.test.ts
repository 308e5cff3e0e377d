import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { env, kafkaSource, postgresSource, type StreamStartOption } from '../../../src/definitions/index.js';
import { DefinitionError } from '../../../src/errors.js';
import { objectKind } from '../../../src/registry/index.js';
import { definedSpecs } from '../../../src/registry/plan.js';
import { columnType, parseSpecType, sourceSpec, specType } from '../../../src/registry/spec.js';
import { float32, int64, list, nullable, string, timestamp } from '../../../src/types.js';
import { load } from '../feature-repo/support.js';

describe('types in specs', () => {
  it.each([
    [int64(), 'int64', 'int64'],
    [int64({ mode: 'bigint' }), 'int64(bigint)', 'int64'],
    [nullable(float32()), 'float32?', 'float32'],
    [nullable(list(int64({ mode: 'bigint' }))), 'list<int64(bigint)>?', 'list<int64>'],
    [list(list(timestamp())), 'list<list<timestamp>>', 'list<list<timestamp>>'],
    [string(), 'string', 'string'],
  ])('%o is written as %s, in a column of type %s', (type, text, column) => {
    expect(specType(type)).toBe(text);
    expect(parseSpecType(text)).toEqual(type);
    expect(columnType(text)).toBe(column);
  });
});

describe('the spec of a Postgres source', () => {
  it('says where the URL is read from, and all that decides what is read', () => {
    const source = postgresSource({
      name: 'facts',
      connection: env('FACTS_URL'),
      query: 'SELECT 1',
      timestampField: 'at',
      cursor: 'id',
      cursorLag: 7,
      timeout: '1 minute',
      pii: { phone: 'hash' },
    });
    expect(JSON.parse(JSON.stringify(sourceSpec(source)))).toEqual({
      kind: 'postgres_source',
      name: 'facts',
      connection: { env: 'FACTS_URL' },
      query: 'SELECT 1',
      timestampField: 'at',
      cursor: 'id',
      cursorLag: { difference: 7 },
      timeoutMs: 60_000,
      pii: { phone: 'hash' },
    });
  });
});

describe('the spec of a stream', () => {
  const event = { driver_id: int64(), at: timestamp() };
  const startOf = (start?: StreamStartOption) => {
    const options = start === undefined ? {} : { start };
    return JSON.parse(
      JSON.stringify(sourceSpec(kafkaSource({ topic: 'drivers', event, timestampField: 'at', ...options }))),
    ).start as unknown;
  };

  it('tells where it begins, where that is not its first event', () => {
    expect([startOf(), startOf('earliest'), startOf('latest')]).toEqual([undefined, undefined, 'latest']);
    expect(startOf({ timestamp: '2026-01-01' })).toBe('2026-01-01T00:00:00.000Z');
  });
});

describe('kinds as people write them', () => {
  it.each([
    ['views', 'feature_view'],
    ['feature-views', 'feature_view'],
    ['stream_feature_view', 'feature_view'],
    ['entities', 'entity'],
    ['Entity', 'entity'],
    ['services', 'feature_service'],
    ['file-sources', 'source'],
    ['pipelines', 'pipeline'],
  ])('%s is %s', (text, kind) => {
    expect(objectKind(text)).toBe(kind);
  });

  it.each(['table', '', 'feature', 's'])('%s is none: names those there are', (text) => {
    expect(() => objectKind(text)).toThrow(DefinitionError);
    expect(() => objectKind(text)).toThrow(expect.objectContaining({ mend: expect.stringContaining('feature_view') }));
  });
});

describe('the specs of the sample repository', () => {
  const repo = load(fileURLToPath(new URL('../../../feature_repo', import.meta.url)));

  it('hold what was defined, as plain JSON', async () => {
    const specs = definedSpecs(await repo);
    const view = specs.feature_view.get('driver_stats_stream');
    expect(view).toEqual(JSON.parse(JSON.stringify(view)));
    expect(view).toMatchObject({
      kind: 'stream_feature_view',
      entities: ['driver'],
      joinKeys: { driver_id: 'int64' },
      features: { conv_rate: 'float32', acc_rate: 'float32' },
      source: 'driver_stats_stream',
      late: 'keep',
      owner: 'stream-source@example.com',
    });
    expect(specs.source.get('driver_stats_stream')).toMatchObject({
      watermarkMs: 300_000,
      batchSource: 'driver_stats',
    });
    expect(specs.feature_service.get('driver_ranking_fresh')).toMatchObject({
      features: [{ view: 'driver_stats' }, { view: 'driver_stats_stream', columns: { fresh_conv_rate: 'conv_rate' } }],
    });
    expect(specs.pipeline.get('db_to_offline_store')).toMatchObject({
      schedule: { type: 'once' },
      startAt: '2022-01-01T00:00:00.000Z',
    });
  });

  it("hold a transform's hash, never its code", async () => {
    const text = JSON.stringify(definedSpecs(await repo).feature_view.get('driver_stats_stream'));
    expect(text).toContain(`"transform":"${(await repo).transformHash('driver_stats_stream')}"`);
    expect(text).not.toContain('=>');
  });
});
