import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  acceptedValues,
  after,
  between,
  cron,
  customSql,
  daily,
  entity,
  env,
  every,
  featureService,
  featureStoreConfig,
  featureView,
  fileSource,
  freshness,
  kafkaSource,
  lastAcceptedRun,
  lengthBetween,
  matches,
  meanBetween,
  missingRatio,
  monotonic,
  noDrift,
  notNull,
  pipeline,
  postgresSource,
  quantileBetween,
  rowCount,
  rowCountChange,
  slack,
  streamFeatureView,
  webhook,
  window,
} from '../../../src/definitions/index.js';
import { DefinitionError } from '../../../src/errors.js';
import { float32, float64, int64, list, parseTypeName, string, timestamp } from '../../../src/types.js';

const driver = entity({ name: 'driver', joinKeys: { driver_id: int64() } });
const file = fileSource({ name: 'f', path: 'f.csv', timestampField: 'at' });
const event = { driver_id: int64(), at: timestamp(), rate: float32() };
const topic = kafkaSource({ topic: 'drivers', event, timestampField: 'at' });
const features = { rate: float32() };
const stats = featureView({ name: 'stats', entities: [driver], source: file, features });

/** Definition files are loaded without type checks, so the checks must hold for values the types refuse. */
const raw = (make: unknown) => make as (def: Record<string, unknown>) => unknown;
const makeEntity = (over: object) => () => raw(entity)({ name: 'e', joinKeys: { id: int64() }, ...over });
const makeFile = (over: object) => () => raw(fileSource)({ name: 'f', path: 'f.csv', timestampField: 'at', ...over });
const connection = env('ASOF_SOURCE_URL');
const makeTable = (over: object) => () =>
  raw(postgresSource)({ name: 'd', table: 'public.t', connection, timestampField: 'at', ...over });
const makeQuery = (query: unknown) => makeTable({ table: undefined, query });
const makeTopic = (over: object) => () => raw(kafkaSource)({ topic: 't', event, timestampField: 'at', ...over });
const makeView = (over: object) => () =>
  raw(featureView)({ name: 'v', entities: [driver], source: file, features, ...over });
const makeStream = (over: object) => () =>
  raw(streamFeatureView)({ name: 'v', entities: [driver], source: topic, features, ...over });
const makeService = (over: object) => () => raw(featureService)({ name: 's', features: [stats], ...over });
const makePipeline = (over: object) => () => raw(pipeline)({ name: 'p', workflow: 'w', ...over });
const makeConfig = (over: object) => () => raw(featureStoreConfig)({ project: 'p', ...over });

/** what, what is made, what the message names, what the mend says */
type Mistake = [string, () => unknown, RegExp, RegExp];

const mistakes: Record<string, Mistake[]> = {
  entity: [
    ['a name with a space', makeEntity({ name: 'a b' }), /entity "a b": name "a b"/, /letters, digits and underscores/],
    ['no name', makeEntity({ name: undefined }), /name undefined/, /letters/],
    ['a name with two underscores', makeEntity({ name: 'a__b' }), /contains "__"/, /single underscores/],
    [
      'a misspelt field',
      makeEntity({ joinkeys: {} }),
      /entity "e": unknown field "joinkeys"/,
      /known fields: .*joinKeys/,
    ],
    ['no join keys', makeEntity({ joinKeys: {} }), /entity "e": joinKeys is empty/, /list at least one/],
    [
      'a type that was not called',
      makeEntity({ joinKeys: { id: int64 } }),
      /joinKeys.id is not a value type/,
      /call the type/,
    ],
    ['a type that is text', makeEntity({ joinKeys: { id: 'int64' } }), /joinKeys.id is not a value type/, /int64\(\)/],
    [
      'a list of nothing',
      makeEntity({ joinKeys: { id: { kind: 'list', items: 1 } } }),
      /joinKeys.id's items/,
      /value type/,
    ],
    [
      'a float as key',
      makeEntity({ joinKeys: { id: float64() } }),
      /joinKeys.id is a float64/,
      /int64\(\) or string\(\)/,
    ],
    ['a list as key', makeEntity({ joinKeys: { id: list(int64()) } }), /joinKeys.id is a list/, /int64\(\)/],
    [
      'a key named like our column',
      makeEntity({ joinKeys: { event_timestamp: timestamp() } }),
      /event_timestamp/,
      /rename/,
    ],
    ['a bad column name', makeEntity({ joinKeys: { '1d': int64() } }), /joinKeys.1d/, /starting with a letter/],
    [
      'two keys SQL takes for one',
      makeEntity({ joinKeys: { Id: int64(), id: int64() } }),
      /"Id" and "id"/,
      /rename one/,
    ],
    [
      'a description that is no text',
      makeEntity({ description: 1 }),
      /description must be a string/,
      /description: '…'/,
    ],
    ['an owner that is no text', makeEntity({ owner: [] }), /owner must be a string/, /owner: '…'/],
    ['tags that are no list', makeEntity({ tags: 'x' }), /tags must be a list/, /tags: \['ranking'\]/],
  ],
  fileSource: [
    ['no path', makeFile({ path: '' }), /fileSource "f": path is missing/, /path: 'data/],
    ['an ending that says no format', makeFile({ path: 'f.xls' }), /format of "f.xls"/, /parquet, csv, tsv, ndjson/],
    ['an unknown format', makeFile({ format: 'avro' }), /format/, /one of parquet/],
    ['no timestamp', makeFile({ timestampField: undefined }), /timestampField is missing/, /event time/],
    ['an unknown PII rule', makeFile({ pii: { phone: 'scramble' } }), /pii.phone "scramble"/, /hash, mask or drop/],
    ['a misspelt field', makeFile({ createdField: 'x' }), /unknown field "createdField"/, /createdTimestampField/],
  ],
  postgresSource: [
    ['a name with a dash', makeTable({ name: 'a-b' }), /name "a-b" is not a usable name/, /letters, digits/],
    [
      'a misspelt field',
      makeTable({ tabel: 'x' }),
      /postgresSource "d": unknown field "tabel"/,
      /known fields: .*table/,
    ],
    ['neither table nor query', makeTable({ table: undefined }), /table is missing/, /query: 'SELECT/],
    ['both table and query', makeTable({ query: 'SELECT 1' }), /table and query are both given/, /table: .*or query/],
    ['a table of three parts', makeTable({ table: 'a.b.c' }), /table "a.b.c" is not a table's name/, /schema\.table/],
    ['a quoted table', makeTable({ table: '"a"."b"' }), /is not a table's name/, /without quotes/],
    ['a table that is none', makeTable({ table: 7 }), /table 7 is not/, /schema\.table/],
    ['an empty query', makeQuery(' -- nothing\n'), /query is empty/, /SELECT … FROM/],
    ['a semicolon', makeQuery('SELECT 1;'), /query has a semicolon/, /one statement/],
    ['two statements', makeQuery('SELECT 1; DROP TABLE t'), /query has a semicolon/, /one statement/],
    ['a statement that writes', makeQuery('DELETE FROM t'), /query starts with "DELETE FROM t"/, /SELECT or WITH/],
    [
      'brackets that end the query',
      makeQuery('SELECT 1) AS q, (SELECT 2'),
      /brackets that do not match/,
      /close every/,
    ],
    ['a query that is none', makeQuery(['SELECT 1']), /query is empty/, /SELECT/],
    ['no connection', makeTable({ connection: undefined }), /connection is missing/, /connection: env\(/],
    [
      'a written password',
      makeTable({ connection: 'postgres://u:secret@h/d' }),
      /connection holds a password in the definitions/,
      /env\(/,
    ],
    [
      'a password among the parameters',
      makeTable({ connection: 'postgres://h/d?user=u&password=secret' }),
      /connection holds a password in the definitions/,
      /env\(/,
    ],
    [
      'a password as fallback',
      makeTable({ connection: env('X', 'postgres://u:secret@h/d') }),
      /connection holds a password in the definitions/,
      /env\(/,
    ],
    ['another kind of URL', makeTable({ connection: 'mysql://h/d' }), /connection is no Postgres URL/, /postgres:\/\//],
    ['no event time', makeTable({ timestampField: '' }), /timestampField is missing/, /event time/],
    ['an unknown pii rule', makeTable({ pii: { a: 'hide' } }), /pii.a "hide" is unknown/, /hash, mask or drop/],
    ['a cursor that is no name', makeTable({ cursor: 7 }), /cursor is no column name/, /updated_at/],
    ['a lag without a cursor', makeTable({ cursorLag: '1 hour' }), /cursorLag is given without a cursor/, /add cursor/],
    [
      'a lag without a unit',
      makeTable({ cursor: 'at', cursorLag: '5' }),
      /cursorLag "5" is not a duration/,
      /5 minutes/,
    ],
    ['a lag below zero', makeTable({ cursor: 'id', cursorLag: -1 }), /cursorLag -1 is no whole number/, /1000/],
    ['a timeout without a unit', makeTable({ timeout: '5' }), /timeout "5" is not a duration/, /5 minutes/],
  ],
  kafkaSource: [
    ['a bad topic', makeTopic({ name: 'n', topic: 'a b' }), /topic "a b"/, /letters, digits/],
    ['no event', makeTopic({ event: {} }), /event is empty/, /list at least one/],
    [
      'a timestamp that is no field',
      makeTopic({ timestampField: 'nope' }),
      /timestampField "nope"/,
      /nope: timestamp\(\)/,
    ],
    ['a timestamp of another type', makeTopic({ timestampField: 'rate' }), /timestampField "rate"/, /timestamp\(\)/],
    [
      'a created time that is no field',
      makeTopic({ createdTimestampField: 'nope' }),
      /createdTimestampField "nope"/,
      /add it/,
    ],
    ['a watermark without unit', makeTopic({ watermark: '5' }), /watermark "5" is not a duration/, /'5 minutes'/],
    ['an unknown start', makeTopic({ start: 'newest' }), /start "newest" is unknown/, /'earliest', 'latest' or/],
    ['a start at no time', makeTopic({ start: { timestamp: 'soon' } }), /start\.timestamp "soon" is no time/, /2026/],
    ['a start of another kind', makeTopic({ start: { offset: 5 } }), /unknown field "offset"/, /timestamp/],
    [
      'a stream as batch source',
      makeTopic({ batchSource: topic }),
      /batchSource is no file and no database/,
      /fileSource/,
    ],
  ],
  featureView: [
    ['no features', makeView({ features: {} }), /featureView "v": features is empty/, /list at least one/],
    ['no entities', makeView({ entities: [] }), /entities must list/, /entities: \[driver\]/],
    ['an entity that is undefined', makeView({ entities: [undefined] }), /entities must list/, /entities: \[driver\]/],
    ['no source', makeView({ source: undefined }), /source is no file and no database/, /fileSource/],
    ['a stream as source', makeView({ source: topic }), /source is no file and no database/, /streamFeatureView/],
    ['a ttl in months', makeView({ ttl: '1 month' }), /ttl "1 month" is not a duration/, /'36500 days'/],
    ['a ttl that is a number', makeView({ ttl: 60 }), /ttl 60 is not a duration/, /a unit/],
    [
      'a feature that is a join key',
      makeView({ features: { driver_id: int64() } }),
      /"driver_id" is also a join key/,
      /rename/,
    ],
    [
      'a feature of our name',
      makeView({ features: { created_timestamp: timestamp() } }),
      /"created_timestamp" is the name/,
      /rename/,
    ],
    [
      'one join key twice',
      makeView({ entities: [driver, entity({ name: 'd2', joinKeys: { driver_id: int64() } })] }),
      /"driver_id" comes from two/,
      /rename it in entity "d2"/,
    ],
    [
      'an expectation about no column',
      makeView({ expect: [notNull('nope')] }),
      /expect names "nope"/,
      /driver_id, rate/,
    ],
    ['expectations that are no list', makeView({ expect: notNull('rate') }), /expect is not a list/, /expect: \[/],
    [
      'a range of a text',
      makeView({ features: { t: string() }, expect: [between('t', 0, 1)] }),
      /between\(t, 0, 1\).*string/,
      /number/,
    ],
    ['a pattern of a number', makeView({ expect: [matches('rate', 'x')] }), /matches\(rate, x\).*float32/, /string/],
    [
      'drift of no column',
      makeView({ expect: [noDrift({ against: lastAcceptedRun(), columns: ['nope'] })] }),
      /expect names "nope" in noDrift\(last accepted run, nope\)/,
      /driver_id, .*rate/,
    ],
    [
      'drift of a list',
      makeView({ features: { t: list(string()) }, expect: [noDrift({ against: lastAcceptedRun(), columns: ['t'] })] }),
      /noDrift\(last accepted run, t\): the column is list<string>/,
      /numbers, times, strings and booleans/,
    ],
    [
      'a mean of a text',
      makeView({ features: { t: string() }, expect: [meanBetween('t', 0, 1)] }),
      /meanBetween\(t, 0, 1\).*string/,
      /a number/,
    ],
    [
      'a length of a number',
      makeView({ expect: [lengthBetween('rate', 0, 1)] }),
      /lengthBetween\(rate/,
      /string or a list/,
    ],
    [
      'freshness of a number',
      makeView({ expect: [freshness({ atMost: '1 day', column: 'rate' })] }),
      /freshness\(rate/,
      /a time/,
    ],
    ['values of another type', makeView({ expect: [acceptedValues('rate', ['a'])] }), /"a" can't be one/, /own type/],
    [
      'two SQLs of one name',
      makeView({ expect: [customSql('a', 'FROM rows'), customSql('a', 'SELECT 1')] }),
      /two customSql of the name "a"/,
      /rename/,
    ],
    ['cleaning of no column', makeView({ clean: { missing: { nope: 'drop' } } }), /clean names "nope"/, /use one of/],
    [
      'an unknown rule for missing',
      makeView({ clean: { missing: { rate: 'zero' } } }),
      /clean.missing.rate is "zero"/,
      /'drop' or/,
    ],
    [
      'an outlier rule without bounds',
      makeView({ clean: { outliers: { rate: { action: 'drop' } } } }),
      /no min <= max/,
      /min: 0/,
    ],
    [
      'an unknown outlier action',
      makeView({ clean: { outliers: { rate: { min: 0, max: 1, action: 'x' } } } }),
      /action "x"/,
      /'clip'/,
    ],
    ['an option of streams', makeView({ late: 'drop' }), /unknown field "late"/, /known fields/],
  ],
  streamFeatureView: [
    [
      'a file as source',
      makeStream({ source: file }),
      /streamFeatureView "v": source is not a kafka source/,
      /featureView/,
    ],
    ['an unknown late policy', makeStream({ late: 'ignore' }), /late "ignore"/, /keep, drop or dead_letter/],
    ['a transform that is no function', makeStream({ transform: 'x' }), /transform is not a function/, /\(event\) =>/],
    [
      'events without a join key',
      makeStream({
        source: kafkaSource({ topic: 't', event: { at: timestamp(), rate: float32() }, timestampField: 'at' }),
      }),
      /no field "driver_id"/,
      /add driver_id/,
    ],
    [
      'a feature nobody computes',
      makeStream({ features: { trips: float32() } }),
      /no field "trips"/,
      /compute it in transform/,
    ],
  ],
  featureService: [
    ['no views', makeService({ features: [] }), /featureService "s": features is empty/, /features: \[driverStats\]/],
    [
      'something that is no view',
      makeService({ features: [driver] }),
      /is not a feature view/,
      /\.pick\(\) and \.prefixed\(\)/,
    ],
    [
      'one feature twice',
      makeService({ features: [stats, stats.pick('rate')] }),
      /"rate" comes twice, from stats:rate and stats:rate/,
      /\.prefixed\(/,
    ],
    [
      'a feature named like a join key',
      makeService({
        features: [
          stats,
          featureView({
            name: 'other',
            entities: [entity({ name: 'r', joinKeys: { rate: string() } })],
            source: file,
            features: { x: string() },
          }),
        ],
      }),
      /stats:rate comes out under the name of "rate", a join key of other/,
      /prefixed\('stats_'\)/,
    ],
    [
      'an unknown feature picked',
      () => raw(stats.pick)('nope' as never),
      /view "stats": there is no feature "nope"/,
      /it has rate/,
    ],
    ['an unusable prefix', () => stats.prefixed('a b'), /view "stats": prefix "a b"/, /prefixed\('fresh_'\)/],
  ],
  expectation: [
    ['bounds the wrong way', () => between('x', 1, 0), /between\(x\).*min 1 is not <= max 0/, /swap/],
    ['a missing bound', () => raw(between)('x' as never), /min undefined/, /give a number/],
    ['a bound that is NaN', () => meanBetween('x', 0, Number.NaN), /max NaN is no number/, /give a number/],
    ['a row count without bounds', () => rowCount({}), /rowCount.*neither min nor max/, /rowCount\(\{ min: 1 \}\)/],
    [
      'an unknown severity',
      () => raw(notNull as never)('x' as never) && notNull('x', { severity: 'fatal' as never }),
      /severity "fatal"/,
      /error, warn or quarantine/,
    ],
    [
      'quarantine of a whole table',
      () => rowCount({ min: 1, severity: 'quarantine' as never }),
      /whole table/,
      /error or warn/,
    ],
    ['drift from nothing', () => raw(noDrift)({} as never), /noDrift: against is missing/, /lastAcceptedRun\(\), or/],
    [
      'drift from what is no reference',
      () => noDrift({ against: 'last_week' as never }),
      /against is "last_week", which is no reference/,
      /window\('spring'/,
    ],
    [
      'drift in percent',
      () => noDrift({ against: lastAcceptedRun(), share: 50 }),
      /share 50 is not a share of the columns/,
      /0.5/,
    ],
    [
      'drift that quarantines',
      () => noDrift({ against: lastAcceptedRun(), severity: 'quarantine' as never }),
      /whole table/,
      /error or warn/,
    ],
    [
      'an option of drift that is misspelt',
      () => noDrift({ against: lastAcceptedRun(), column: ['a'] } as never),
      /noDrift: unknown field "column"/,
      /against, columns, share, severity/,
    ],
    ['a column twice', () => noDrift({ against: lastAcceptedRun(), columns: ['a', 'a'] }), /"a" twice/, /leave one/],
    ['no column', () => noDrift({ against: lastAcceptedRun(), columns: [] }), /no list of columns/, /all features/],
    [
      'a window that ends before it begins',
      () => window('spring', { from: '2024-06-01', to: '2024-03-01' }),
      /window\("spring"\): from 2024-06-01T00:00:00.000Z is not before to 2024-03-01/,
      /swap/,
    ],
    [
      'an empty window',
      () => window('spring', { from: '2024-06-01', to: '2024-06-01T00:00' }),
      /is not before/,
      /set it later/,
    ],
    [
      'a window of no times',
      () => window('spring', { from: 'in spring', to: '2024-06-01' }),
      /from is "in spring", which is no time/,
      /2024-03-01/,
    ],
    ['a window without an end', () => window('spring', { from: '2024-06-01' } as never), /to is missing/, /2024-06-01/],
    ['a window without a span', () => raw(window as never)('spring' as never), /no span/, /window\('spring'/],
    [
      'a window of an unusable name',
      () => window('in spring', { from: '2024', to: '2025' }),
      /name "in spring"/,
      /letters/,
    ],
    ['a tolerance in percent', () => notNull('x', { tolerate: 5 }), /tolerate 5/, /0 to 1/],
    ['an unknown option', () => notNull('x', { tolerance: 0.1 } as never), /unknown field "tolerance"/, /tolerate/],
    [
      'tolerate of a whole table',
      () => rowCount({ min: 1, tolerate: 0.1 } as never),
      /unknown field "tolerate"/,
      /min/,
    ],
    ['no column', () => raw(notNull as never)(undefined as never), /notNull: the column is missing/, /name a column/],
    [
      'a tolerance in words',
      () => notNull('x', { tolerate: 'few rows' as never }),
      /"few rows" is no thresh/,
      /10 rows/,
    ],
    ['two words for one', () => notNull('x', { severity: 'warn', errorAbove: 0.1 }), /warnAbove and/, /severity out/],
    ['levels the wrong way', () => notNull('x', { warnAbove: 0.5, errorAbove: 0.1 }), /never warn/, /swap/],
    ['a length below 0', () => lengthBetween('x', -1, 5), /-1 to 5 are no lengths/, /from 0 on/],
    ['a quantile in percent', () => quantileBetween('x', 95, 0, 1), /quantile 95/, /0.95/],
    ['a freshness of no time', () => freshness({ atMost: '0' }), /atMost '0' is no time/, /2 hours/],
    ['no runs', () => rowCountChange({ lastRuns: 0, atMost: 0.3 }), /lastRuns 0/, /1 to 1000/],
    ['SQL without text', () => customSql('x', ' '), /customSql\(x\): the SQL is empty/, /SELECT \* FROM rows/],
    ['SQL without a name', () => customSql('my rule', 'SELECT 1'), /"my rule" is not a usable name/, /letters/],
    ['values that are no list', () => raw(acceptedValues as never)('x' as never), /no list/, /\['a', 'b'\]/],
    ['strict in words', () => monotonic('x', { strict: 'yes' as never }), /strict is "yes"/, /true or false/],
    ['a ratio in percent', () => missingRatio('x', { below: 80 }), /missingRatio\(x\).*below 80/, /0.8/],
  ],
  pipeline: [
    [
      'a workflow that is no function name',
      makePipeline({ workflow: 'a-b' }),
      /pipeline "p": workflow "a-b"/,
      /dbToOfflineStore/,
    ],
    ['no workflow', makePipeline({ workflow: undefined }), /workflow undefined/, /dbToOfflineStore/],
    ['a start that is no date', makePipeline({ startAt: 'soon' }), /startAt "soon"/, /'2022-01-01'/],
    ['no attempts', makePipeline({ retries: { attempts: 0, delay: '1 second' } }), /retries.attempts 0/, /attempts: 3/],
    ['a delay without unit', makePipeline({ retries: { attempts: 1, delay: '20' } }), /retries.delay "20"/, /unit/],
    [
      'a Date among the arguments',
      makePipeline({ args: { since: [new Date(0)] } }),
      /args.since\[0\] is a Date/,
      /ISO strings/,
    ],
    ['a NaN among the arguments', makePipeline({ args: { a: { b: Number.NaN } } }), /args.a.b is NaN/, /numbers/],
    ['an undefined argument', makePipeline({ args: { a: undefined } }), /args.a is undefined/, /null/],
    ['a schedule that is text', makePipeline({ schedule: 'daily' }), /schedule "daily"/, /daily\(\)/],
    ['a cron of six fields', () => cron('0 0 0 1 * *'), /"0 0 0 1 \* \*" does not have five fields/, /cron\('0 0 1/],
    ['a cron in no zone', () => cron('0 0 1 * *', { timezone: 'Mars' }), /timezone "Mars"/, /Asia\/Ho_Chi_Minh/],
    ['a period under a second', () => every('5 milliseconds'), /shorter than a second/, /1 hour/],
    ['a period that is none', () => every('often'), /"often" is not a duration/, /unit/],
    ['a period of part of a second', () => every('1.5 seconds'), /no whole number of seconds/, /1 hour/],
    ['a cron out of range', () => cron('99 * * * *'), /"99 \* \* \* \*" is wrong/, /cron\('0 0 1/],
    ['a cron that only some understand', () => cron('0 0 L * *'), /"0 0 L \* \*" is wrong/, /cron\('0 0 1/],
    ['a cron that is a word', () => cron('@daily'), /"@daily" does not have five/, /cron\('0 0 1/],
    ['an unknown zone', makePipeline({ timezone: 'Mars' }), /pipeline "p": timezone "Mars"/, /Asia\/Ho_Chi_Minh/],
    ['an end before the start', makePipeline({ startAt: '2022-01-01', endAt: '2021-01-01' }), /endAt "2021/, /swap/],
    ['an end that is no date', makePipeline({ endAt: 'never' }), /endAt "never"/, /'2022-01-01'/],
    ['catchup from nowhere', makePipeline({ catchup: true, schedule: daily() }), /no beginning/, /startAt/],
    ['an overlap that is none', makePipeline({ overlap: 'maybe' }), /overlap "maybe"/, /skip, queue, allow, cancel/],
    ['no active runs', makePipeline({ maxActiveRuns: 0 }), /maxActiveRuns 0/, /maxActiveRuns: 1/],
    ['a timeout of no time', makePipeline({ timeout: '0' }), /timeout '0' is no time/, /2 hours/],
    ['a deadline without a time', makePipeline({ deadline: { notify: [] } }), /deadline.within/, /unit/],
    [
      'a deadline from who knows when',
      makePipeline({ deadline: { within: '1 hour', after: 'lunch', notify: [] } }),
      /deadline.after "lunch"/,
      /scheduled or started/,
    ],
    ['notifications that are text', makePipeline({ onFailure: 'ops@example.com' }), /onFailure is no list/, /slack\(/],
    [
      'a Slack URL that is written down',
      () => slack('https://hooks.slack.com/services/T/B/x'),
      /holds a pass/,
      /env\(/,
    ],
    ['a webhook without a URL', () => raw(webhook)({}), /url is missing/, /env\(/],
    ['after nothing', () => after(), /does not name a pipeline/, /after\(dbToOfflineStore\)/],
    ['after what is no pipeline', () => raw(after as never)({} as never), /does not name a pipeline/, /after\(/],
    [
      'an argument the workflow does not know',
      makePipeline({ workflow: 'dbToOfflineStore', args: { viws: ['stats'] } }),
      /argument "viws" is unknown to the workflow dbToOfflineStore/,
      /it takes views, full\?/,
    ],
    [
      'an argument of the wrong kind',
      makePipeline({ workflow: 'dbToOfflineStore', args: { views: ['stats'], full: 'yes' } }),
      /argument "full" does not fit: .*expected boolean/,
      /it takes views, full\?/,
    ],
    [
      'a missing argument of a pipeline that starts by itself',
      makePipeline({ workflow: 'materializeOfflineToOnline', schedule: daily() }),
      /argument "views" is missing/,
      /it takes views, full\?, start\?, end\?/,
    ],
    [
      "an argument that does not fit the pipeline's own schema",
      makePipeline({ argsSchema: z.object({ cities: z.array(z.string()) }), args: { cities: ['a', 1] } }),
      /argument "cities\[1\]" does not fit/,
      /it takes cities/,
    ],
  ],
  featureStoreConfig: [
    ['a bad project', makeConfig({ project: 'my project' }), /project "my project"/, /letters/],
    ['a project named like a system schema', makeConfig({ project: 'main' }), /project "main"/, /choose another/],
    [
      "a project named like another's own tables",
      makeConfig({ project: 'drivers_asof' }),
      /"drivers_asof"/,
      /choose another/,
    ],
    ['an unknown online store', makeConfig({ onlineStore: { type: 'etcd' } }), /onlineStore.type "etcd"/, /lmdb/],
    ['an unknown stream source', makeConfig({ streamSource: { type: 'fax' } }), /streamSource.type "fax"/, /file/],
  ],
  'a type name': [['an unknown type', () => parseTypeName('decimal'), /"decimal"/, /int32, int64/]],
};

for (const [kind, cases] of Object.entries(mistakes)) {
  describe(`mistakes in ${kind}`, () => {
    it.each(cases)('%s', (_, make, message, mend) => {
      let thrown: unknown;
      try {
        make();
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(DefinitionError);
      expect((thrown as DefinitionError).message).toMatch(message);
      expect((thrown as DefinitionError).mend).toMatch(mend);
    });
  });
}
