import { describe, expect, it } from 'vitest';
import {
  after,
  cron,
  daily,
  describeExpectation,
  entity,
  env,
  every,
  featureService,
  featureStoreConfig,
  featureView,
  fileSource,
  formatDuration,
  hourly,
  isDefinition,
  kafkaSource,
  once,
  parseDuration,
  pipeline,
  postgresSource,
  resolveSelection,
  rowCount,
  type Schedule,
  type StreamStartOption,
  streamFeatureView,
  unique,
  weekly,
} from '../../../src/definitions/index.js';
import {
  bool,
  bytes,
  float32,
  float64,
  int32,
  int64,
  isWidening,
  list,
  nullable,
  parseTypeName,
  sqlType,
  string,
  timestamp,
  typeName,
} from '../../../src/types.js';

const driver = entity({ name: 'driver', joinKeys: { driver_id: int64() } });
const source = fileSource({ name: 'stats', path: 'stats.TSV', timestampField: 'at' });
const stats = featureView({
  name: 'stats',
  entities: [driver],
  source,
  features: { rate: float32(), trips: int32() },
  ttl: '2 days',
});

describe('a Postgres source', () => {
  const of = (more: object) =>
    postgresSource({ name: 'facts', connection: env('FACTS_URL'), timestampField: 'at', ...more });

  it('feeds views and backs streams', () => {
    const facts = of({ table: 'facts', cursor: 'id', cursorLag: 5 });
    const view = featureView({ name: 'v', entities: [driver], source: facts, features: { rate: float32() } });
    expect(view.source).toBe(facts);
    const event = { driver_id: int64(), at: timestamp() };
    expect(kafkaSource({ topic: 't', event, timestampField: 'at', batchSource: facts }).batchSource).toBe(facts);
    expect(facts).toMatchObject({ kind: 'postgres_source', cursorLag: { difference: 5 }, timeoutMs: 0 });
    expect(of({ table: 'f', cursor: 'at', cursorLag: '10 minutes', timeout: '1 hour' })).toMatchObject({
      cursorLag: { ms: 600_000 },
      timeoutMs: 3_600_000,
    });
  });

  it.each([
    'SELECT 1',
    'with x AS (SELECT 1) SELECT * FROM x',
    "SELECT ';', 'it''s' FROM t -- the end;",
    'SELECT "odd;""name(" FROM t /* ;) */',
    'SELECT $$;$$, $tag$ ;) $tag$',
    '  \n-- first a comment\nSELECT (1)',
  ])('takes the query %s', (query) => {
    expect(of({ query }).query).toBe(query);
  });

  it('holds where its URL is, never the URL', () => {
    process.env['FACTS_URL'] = 'postgres://u:hush@h/d';
    expect(JSON.stringify(of({ table: 'facts' }))).not.toContain('hush');
    delete process.env['FACTS_URL'];
  });
});

describe('definitions', () => {
  it('are frozen, branded values that print as plain data', () => {
    for (const definition of [driver, source, stats]) {
      expect(Object.isFrozen(definition)).toBe(true);
      expect(isDefinition(definition)).toBe(true);
    }
    expect(isDefinition({ ...driver })).toBe(false);
    expect(isDefinition(null)).toBe(false);
    expect(() => JSON.stringify(stats)).not.toThrow();
    expect(Object.keys(stats)).not.toContain('pick');
  });

  it('are recognised when another copy of the module made them', () => {
    const foreign = Object.defineProperty({ kind: 'entity', name: 'x' }, Symbol.for('asof.definition'), {
      value: true,
    });
    expect(isDefinition(foreign)).toBe(true);
  });

  it('fill in what was not said', () => {
    expect(stats).toMatchObject({
      ttlMs: 172_800_000,
      online: true,
      expect: [],
      clean: {},
      joinKeys: { driver_id: int64() },
    });
    expect(source.format).toBe('tsv');
    expect(pipeline({ name: 'p', workflow: 'w' })).toMatchObject({
      args: {},
      schedule: { type: 'manual' },
      catchup: false,
      overlap: 'skip',
      retries: { attempts: 3, delayMs: 20_000 },
    });
    const behind = { name: 'p', workflow: 'w', schedule: daily(), startAt: '2024-01-01', catchup: true } as const;
    expect(pipeline(behind).overlap).toBe('queue');
    expect(pipeline({ ...behind, overlap: 'skip' }).overlap).toBe('skip');
    expect(featureStoreConfig({ project: 'p' })).toMatchObject({
      onlineStore: { type: 'lmdb' },
      streamSource: { type: 'file' },
    });
    const topic = kafkaSource({
      topic: 'drivers',
      event: { driver_id: int64(), at: timestamp(), rate: float32() },
      timestampField: 'at',
    });
    expect(topic).toMatchObject({ name: 'drivers', watermarkMs: Number.POSITIVE_INFINITY, start: 'earliest' });
    const view = streamFeatureView({ name: 'v', entities: [driver], source: topic, features: { rate: float32() } });
    expect(view).toMatchObject({ late: 'keep', ttlMs: 0, transform: undefined });
  });

  it('read where a stream begins', () => {
    const event = { driver_id: int64(), at: timestamp() };
    const startOf = (start: StreamStartOption) =>
      kafkaSource({ topic: 'drivers', event, timestampField: 'at', start }).start;
    expect(startOf('latest')).toBe('latest');
    const time = new Date('2026-01-01T12:00:00Z');
    expect(startOf({ timestamp: time })).toEqual({ timestamp: time });
    expect(startOf({ timestamp: '2026-01-01 12:00' })).toEqual({ timestamp: time });
    expect(startOf({ timestamp: '2026-01-01T19:00:00+07:00' })).toEqual({ timestamp: time });
  });

  it('read times and schedules as UTC', () => {
    expect(pipeline({ name: 'p', workflow: 'w', startAt: '2022-01-01', schedule: once() }).startAt).toBe(
      '2022-01-01T00:00:00.000Z',
    );
    expect(every('90 minutes')).toEqual({ type: 'every', everyMs: 5_400_000 });
    const zoneOf = (schedule: Schedule, timezone?: string) =>
      pipeline({ name: 'p', workflow: 'w', schedule, ...(timezone === undefined ? {} : { timezone }) }).schedule;
    expect(zoneOf(cron('0 0 1 * *'))).toEqual({ type: 'cron', expression: '0 0 1 * *', timezone: 'UTC' });
    expect(zoneOf(daily(), 'Asia/Tokyo')).toEqual({ type: 'cron', expression: '0 0 * * *', timezone: 'Asia/Tokyo' });
    expect(zoneOf(weekly({ timezone: 'Asia/Tokyo' }), 'UTC')).toMatchObject({ timezone: 'Asia/Tokyo' });
    expect(zoneOf(hourly())).toMatchObject({ expression: '0 * * * *', timezone: 'UTC' });
    expect(after('load', pipeline({ name: 'more', workflow: 'w' }), 'load')).toEqual({
      type: 'after',
      pipelines: ['load', 'more'],
    });
  });

  it.each([
    ['5 minutes', 300_000],
    ['1 week', 604_800_000],
    ['0', 0],
    ['1.5 hours', 5_400_000],
    ['36500 Days', 3_153_600_000_000],
  ])('read the duration %s', (text, ms) => {
    expect(parseDuration('x', 'y', text)).toBe(ms);
  });

  it.each([
    [7_200_000, '2 hours'],
    [5_400_000, '90 minutes'],
    [604_800_000, '7 days'],
    [3_607_774, '1 hour'],
    [9_100_001, '2.5 hours'],
    [168_162_485_722, '1,946.3 days'],
    [36_500 * 86_400_000, '36,500 days'],
    [400, '400 milliseconds'],
    [0, '0 seconds'],
  ])('write %d ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it('take a promise of freshness, and nothing that is none', () => {
    const of = (freshness: string) =>
      featureView({ name: 'v', entities: [driver], source, features: { rate: float32() }, freshness });
    expect(of('2 hours')).toMatchObject({ freshnessMs: 7_200_000 });
    expect(Object.keys(of('2 hours'))).not.toContain('freshness');
    expect(stats.freshnessMs).toBeUndefined();
    expect(() => of('0')).toThrow(/freshness '0' is no time at all/);
    expect(() => of('2 months')).toThrow(/freshness "2 months" is not a duration/);
  });

  it('say rules as a person would write them', () => {
    expect(describeExpectation(unique(['a', 'b']))).toBe('unique(a, b)');
    expect(describeExpectation(rowCount({ min: 5 }))).toBe('rowCount(5..)');
  });
});

describe('parts of views', () => {
  it('remember the view and its own feature names', () => {
    const part = stats.pick('rate').prefixed('fresh_');
    expect(Object.keys(part.features)).toEqual(['fresh_rate']);
    expect(resolveSelection(part)).toEqual({ view: stats, columns: { fresh_rate: 'rate' } });
    expect(resolveSelection(part.pick('fresh_rate').prefixed('x_')).columns).toEqual({ x_fresh_rate: 'rate' });
  });

  it('make one service of the same feature twice, renamed', () => {
    const service = featureService({ name: 's', features: [stats, stats.pick('rate').prefixed('other_')] });
    expect(service.features.map((part) => resolveSelection(part).view)).toEqual([stats, stats]);
  });
});

describe('value types', () => {
  const all = [
    int32(),
    int64(),
    float32(),
    float64(),
    bool(),
    string(),
    bytes(),
    timestamp(),
    list(float32()),
    list(list(string())),
  ];

  it.each(all.map((type) => [typeName(type), type] as const))('%s survives its name', (name, type) => {
    expect(parseTypeName(name)).toEqual(type);
  });

  it('have the columns they are kept in', () => {
    expect(all.map(sqlType)).toEqual([
      'INTEGER',
      'BIGINT',
      'FLOAT',
      'DOUBLE',
      'BOOLEAN',
      'VARCHAR',
      'BLOB',
      'TIMESTAMPTZ',
      'FLOAT[]',
      'VARCHAR[][]',
    ]);
    expect(sqlType(int64({ mode: 'bigint' }))).toBe('BIGINT');
    expect(nullable(float32())).toMatchObject({ kind: 'float32', nullable: true });
  });

  it('widen where every value stays exact, and nowhere else', () => {
    const names = all.map(typeName);
    const widening = names.flatMap((from) => names.filter((to) => isWidening(from, to)).map((to) => `${from} → ${to}`));
    expect(widening).toEqual(['int32 → int64', 'float32 → float64']);
  });
});
