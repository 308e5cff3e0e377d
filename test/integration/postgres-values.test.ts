import path from 'node:path';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanFile, type IngestResult, ingestSource } from '../../src/batch-source/index.js';
import { env, postgresSource } from '../../src/definitions/index.js';
import { describeError } from '../../src/errors.js';
import { bool, bytes, float32, float64, int32, int64, list, type Schema, string, timestamp } from '../../src/types.js';
import { type TempLake, withTempLake } from '../support/lake.js';
import { lacks, startPostgres, type TestPostgres } from '../support/services.js';

let server: TestPostgres;
let url: string;
let client: pg.Client;
let temp: TempLake;

/** What `pg` reads, as the text Postgres sends. */
const asText = { getTypeParser: () => (text: unknown) => text } as unknown as pg.CustomTypesConfig;

async function ingest(query: string): Promise<IngestResult & { file: string }> {
  const source = postgresSource({ name: 'v', query, connection: env('SOURCE'), timestampField: 'at' });
  const file = path.join(temp.stateDir, 'staging', 'v.parquet');
  return { ...(await ingestSource(temp.lake, { source, projectRoot: '/', file, env: { SOURCE: url } })), file };
}

const staged = (file: string, list: string) =>
  temp.lake.all<Record<string, unknown>>(`SELECT ${list} FROM read_parquet($1) ORDER BY _ingest_position`, [file]);

/** A view's values of one column: cleaned as its type, or the error. */
async function cleaned(sql: string, type: Schema[string]): Promise<unknown[] | string> {
  const { file, columns } = await ingest(`SELECT ord::bigint AS k, now() AS at, x FROM (${sql}) AS v (x, ord)`);
  const source = postgresSource({ name: 'v', table: 'v', connection: env('SOURCE'), timestampField: 'at' });
  const view = { name: 'view', joinKeys: { k: int64() }, features: { x: type }, clean: {} };
  const output = path.join(temp.stateDir, 'staging', 'cleaned.parquet');
  try {
    await cleanFile(temp.lake, { view, source, input: file, columns, file: output });
  } catch (error) {
    return describeError(error);
  }
  return (await staged(output, 'x')).map(({ x }) => x);
}

/** Values given as text of SQL. */
const values = (type: string, ...texts: string[]): string =>
  `VALUES ${texts.map((text, index) => `(${text}::${type}, ${index})`).join(', ')}`;

describe.skipIf(lacks('postgres'))('values of Postgres', () => {
  beforeAll(async () => {
    server = await startPostgres();
    url = await server.createDatabase('values');
    temp = await withTempLake();
    client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(`SET TimeZone = 'UTC'`);
    await client.query(`CREATE TYPE mood AS ENUM ('sad', 'so so', 'happy')`);
    await client.query('CREATE DOMAIN positive AS int CHECK (VALUE > 0)');
    await client.query(`CREATE TABLE wide (ord int, at timestamptz DEFAULT now(), i2 int2, i4 int4, i8 int8, p positive, o oid,
      n numeric, n2 numeric(12,3), n50 numeric(50,20), f4 float4, f8 float8, b bool, t text, vc varchar(30), ch char(8), u uuid, m mood,
      na name, ba bytea, d date, ts timestamp, tz timestamptz, j json, jb jsonb, ai int8[], at_ text[], an numeric[], ab bool[], af float8[],
      atz timestamptz[], ad date[], au uuid[], am mood[])`);
  });
  afterAll(async () => {
    await client?.end();
    temp?.close();
    await server?.close();
  });

  const text = fc.string({ unit: 'grapheme', maxLength: 20 }).map((s) => s.replaceAll('\0', ''));
  const opt = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { freq: 6 });
  const digits = (whole: number, fraction: number) =>
    fc
      .tuple(
        fc.boolean(),
        fc.bigInt({ min: 0n, max: 10n ** BigInt(whole) - 1n }),
        fc.bigInt({ min: 0n, max: 10n ** BigInt(fraction) - 1n }),
      )
      .map(([minus, a, b]) => `${minus ? '-' : ''}${a}.${b.toString().padStart(fraction, '0')}`);
  /** Microseconds from year 1 to 9999. */
  const micros = fc.bigInt({ min: -62_135_596_800_000_000n, max: 253_402_300_799_999_999n });
  const moment = micros.map(
    (us) =>
      `${new Date(Number(us / 1_000n)).toISOString().slice(0, -1).replace(/^\+0*/, '')}${(us % 1_000n < 0n ? 0n : us % 1_000n).toString().padStart(3, '0')}`,
  );
  const day = moment.map((iso) => iso.slice(0, 10));
  const int = (bits: bigint) => fc.bigInt({ min: -(2n ** (bits - 1n)), max: 2n ** (bits - 1n) - 1n }).map(String);
  const double = fc.double().map((x) => (Object.is(x, -0) ? '-0' : String(x)));
  const float = fc.float().map((x) => (Object.is(x, -0) ? '-0' : String(x)));
  const mood = fc.constantFrom('sad', 'so so', 'happy');
  const array = <T>(items: fc.Arbitrary<T>) => fc.array(fc.option(items, { freq: 8 }), { maxLength: 4 });

  const row = fc.record({
    i2: opt(int(16n)),
    i4: opt(int(32n)),
    i8: opt(int(64n)),
    p: opt(fc.integer({ min: 1, max: 2 ** 31 - 1 }).map(String)),
    o: opt(fc.integer({ min: 0, max: 2 ** 32 - 1 }).map(String)),
    n: opt(fc.oneof(digits(60, 30), fc.constantFrom('NaN', 'Infinity', '-Infinity'))),
    n2: opt(fc.oneof(digits(9, 3), fc.constant('NaN'))),
    n50: opt(digits(30, 20)),
    f4: opt(float),
    f8: opt(double),
    b: opt(fc.boolean().map(String)),
    t: opt(text),
    vc: opt(text),
    ch: opt(fc.stringMatching(/^[a-z]{0,8}$/)),
    u: opt(fc.uuid()),
    m: opt(mood),
    na: opt(fc.stringMatching(/^[a-zA-Z ]{0,20}$/)),
    ba: opt(fc.uint8Array({ maxLength: 20 }).map((x) => `\\x${Buffer.from(x).toString('hex')}`)),
    d: opt(day),
    ts: opt(fc.oneof(moment, fc.constantFrom('infinity', '-infinity'))),
    tz: opt(
      fc.oneof(
        moment.map((iso) => `${iso}Z`),
        fc.constantFrom('infinity', '-infinity'),
      ),
    ),
    j: opt(fc.json().filter((x) => !x.includes('\\u'))),
    jb: opt(fc.json().filter((x) => !x.includes('\\u'))),
    ai: opt(array(int(64n))),
    at_: opt(array(text)),
    an: opt(array(fc.oneof(digits(40, 10), fc.constant('NaN')))),
    ab: opt(array(fc.boolean())),
    af: opt(array(double)),
    atz: opt(array(moment.map((iso) => `${iso}Z`))),
    ad: opt(array(day)),
    au: opt(array(fc.uuid())),
    am: opt(array(mood)),
  });

  /** Columns by how the two sides are compared: in SQL of Postgres and in SQL of DuckDB, both giving text. */
  const us = (x: string) => `(extract(epoch FROM ${x}) * 1000000)::numeric::bigint`;
  const each = (x: string, item: string, from = 'unnest') =>
    `array_to_json(CASE WHEN ${x} IS NOT NULL THEN ARRAY(SELECT ${item} FROM ${from}(${x}) AS i) END)::text`;
  const compared: [name: string, postgres: string, duckdb: string][] = [
    ...['i2', 'i4', 'i8', 'p', 'o', 'n', 'n2', 'n50', 't', 'vc', 'u', 'm', 'na', 'd', 'j', 'jb'].map(
      (name): [string, string, string] => [
        name,
        `${name}::text`,
        name === 'd' ? `strftime(d, '%Y-%m-%d')` : `CAST(${name} AS VARCHAR)`,
      ],
    ),
    ['ch', 'ch::text', 'ch'],
    ['b', 'b::text', 'CAST(b AS VARCHAR)'],
    ['ba', `encode(ba, 'hex')`, 'lower(hex(ba))'],
    [
      'ts',
      `CASE WHEN isfinite(ts) THEN ${us('ts')}::text ELSE ts::text END`,
      'CASE WHEN isfinite(ts) THEN CAST(epoch_us(ts) AS VARCHAR) ELSE CAST(ts AS VARCHAR) END',
    ],
    [
      'tz',
      `CASE WHEN isfinite(tz) THEN ${us('tz')}::text ELSE tz::text END`,
      'CASE WHEN isfinite(tz) THEN CAST(epoch_us(tz) AS VARCHAR) ELSE CAST(tz AS VARCHAR) END',
    ],
    ['ai', 'array_to_json(ai)::text', 'to_json(ai)'],
    ['at_', 'array_to_json(at_)::text', 'to_json(at_)'],
    ['an', 'array_to_json(an::text[])::text', 'to_json(an)'],
    ['ab', 'array_to_json(ab)::text', 'to_json(ab)'],
    ['au', 'array_to_json(au)::text', 'to_json(au)'],
    ['am', 'array_to_json(am)::text', 'to_json(am)'],
    ['atz', each('atz', us('i')), 'to_json(list_transform(atz, lambda i: epoch_us(i)))'],
    ['ad', each('ad', 'i::text'), `to_json(list_transform(ad, lambda i: strftime(i, '%Y-%m-%d')))`],
  ];
  /** Escapes in JSON text may differ. */
  const isJson = new Set(['at_']);

  it('come out of a staging file as they are in the database, of every type, nulls included', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 40 }), async (rows) => {
        const names = Object.keys(rows[0] as object);
        await client.query('TRUNCATE wide');
        for (const [ord, given] of rows.entries()) {
          await client.query(
            `INSERT INTO wide (ord, ${names.join(', ')}) VALUES ($1, ${names.map((_, i) => `$${i + 2}`).join(', ')})`,
            [ord, ...Object.values(given)],
          );
        }
        const { file } = await ingest('SELECT * FROM wide ORDER BY ord');
        const { rows: theirs } = await client.query<Record<string, string | null>>({
          text: `SELECT ${compared.map(([name, sql]) => `${sql} AS ${name}`).join(', ')}, f4::text, f8::text, array_to_json(af::text[])::text AS af FROM wide ORDER BY ord`,
          types: asText,
        });
        const ours = await staged(
          file,
          `${compared.map(([name, , sql]) => `${sql} AS ${name}`).join(', ')}, f4, f8, af`,
        );
        expect(ours).toHaveLength(rows.length);
        for (const [index, our] of ours.entries()) {
          const their = theirs[index] as Record<string, string | null>;
          for (const [name] of compared) {
            const [a, b] = [our[name], their[name]].map((x) =>
              isJson.has(name) && x != null ? JSON.parse(String(x)) : x,
            );
            expect({ [name]: a }).toEqual({ [name]: b });
          }
          expect(our['f4']).toEqual(their['f4'] == null ? null : Math.fround(Number(their['f4'])));
          expect(our['f8']).toEqual(their['f8'] == null ? null : Number(their['f8']));
          const floats = their['af'] == null ? null : (JSON.parse(their['af']) as (string | null)[]);
          expect(our['af']).toEqual(floats?.map((x) => (x === null ? null : Number(x))) ?? null);
        }
      }),
      { numRuns: 12, endOnFailure: true },
    );
  });

  it('become what the view declares', async () => {
    expect(await cleaned(values('numeric', '1', '-20.000', 'null'), int64())).toEqual([1n, -20n, null]);
    expect(await cleaned(values('numeric(20,0)', "'9007199254740993'"), int64({ mode: 'bigint' }))).toEqual([
      9007199254740993n,
    ]);
    expect(await cleaned(values('numeric', '0.1', "'NaN'", "'Infinity'"), float64())).toEqual([
      0.1,
      Number.NaN,
      Number.POSITIVE_INFINITY,
    ]);
    expect(await cleaned(values('numeric(4,2)', '0.1'), float32())).toEqual([Math.fround(0.1)]);
    expect(await cleaned(values('numeric', "'123456789012345678901234567890.12345'"), string())).toEqual([
      '123456789012345678901234567890.12345',
    ]);
    expect(await cleaned(values('numeric[]', "'{1,2.0}'"), list(int32()))).toEqual([[1, 2]]);
    expect(await cleaned(values('int2', '7'), float64())).toEqual([7]);
    expect(await cleaned(values('date', "'2020-02-29'"), timestamp())).toEqual([new Date('2020-02-29T00:00:00Z')]);
    expect(await cleaned(values('timestamp', "'2020-02-29 12:00:00.5'"), timestamp())).toEqual([
      new Date('2020-02-29T12:00:00.500Z'),
    ]);
    expect(await cleaned(values('timestamptz', "'2020-02-29 12:00:00+07'"), timestamp())).toEqual([
      new Date('2020-02-29T05:00:00Z'),
    ]);
    expect(await cleaned(values('date[]', "'{2020-02-29}'"), list(timestamp()))).toEqual([
      [new Date('2020-02-29T00:00:00Z')],
    ]);
    expect(await cleaned(values('bool', 'true', 'null'), bool())).toEqual([true, null]);
    expect(await cleaned(values('bytea', "'\\x00ff'"), bytes())).toEqual([Buffer.from([0, 255])]);
    expect(await cleaned(values('jsonb', `'{"b":[1, 2]}'`), string())).toEqual(['{"b": [1, 2]}']);
    expect(await cleaned(values('char(5)', "'ab'"), string())).toEqual(['ab']);
    for (const [type, value] of [
      ['interval', '1 day'],
      ['int4range', '[1,5)'],
      ['inet', '10.0.0.1'],
      ['point', '(1,2)'],
      ['time', '12:00:00'],
      ['mood', 'so so'],
      ['tsvector', "'a'"],
      ['bit(3)', '101'],
    ] as const) {
      expect(await cleaned(values(type, `'${value.replaceAll("'", "''")}'`), string())).toEqual([value]);
    }
  });

  it.each([
    ['a fraction', 'numeric', '1.5', int64(), /column "x": 1 value is no int64, first in row 1 \(1\.5\)/],
    ['NaN for a whole number', 'numeric', "'NaN'", int32(), /1 value is no int32.*\(NaN\)/],
    ['more than 64 bits', 'numeric', "'1e30'", int64({ mode: 'bigint' }), /1 value is no int64/],
    ['more than a double', 'numeric', "'1e400'", float64(), /1 value is no float64/],
    [
      'a whole number that is no safe one',
      'int8',
      "'9007199254740993'",
      int64(),
      /which needs int64\({ mode: 'bigint' }\)/,
    ],
    ['an infinite time', 'timestamptz', "'infinity'", timestamp(), /1 value is no timestamp.*\(infinity\)/],
    ['an infinite date', 'date', "'-infinity'", timestamp(), /1 value is no timestamp.*\(-infinity\)/],
    ['a date after year 9999', 'date', "'10000-01-01'", timestamp(), /1 value is no timestamp/],
    ['the last timestamp', 'timestamptz', "'294276-12-31'", timestamp(), /1 value is no timestamp/],
    ['a date before year 1', 'date', "'0044-03-15 BC'", timestamp(), /1 value is no timestamp/],
    ['a null in a list', 'int[]', "'{1,null}'", list(int32()), /1 value is no list<int32>/],
    [
      'an interval as a number',
      'interval',
      "'1 day'",
      float64(),
      /column "x" is interval, but view "view" declares it float64[\s\S]*string\(\)\), or make it float64 in a query/,
    ],
    ['a range as a list', 'int4range', "'[1,2)'", list(int32()), /column "x" is int4range, but .* list<int32>/],
    ['text as a number', 'varchar(10)', "'5'", int32(), /column "x" is character varying\(10\), but .* int32/],
    ['json as a list', 'jsonb', "'[1]'", list(int32()), /column "x" is jsonb, but .* list<int32>/],
    ['an amount as a time', 'numeric(8,0)', '20200101', timestamp(), /column "x" is numeric\(8,0\), but .* timestamp/],
    ['an amount as a truth', 'numeric', '1', bool(), /column "x" is numeric, but .* bool/],
  ])('are refused with column, type and mend: %s', async (_, type, value, declared, pattern) => {
    expect(await cleaned(values(type, value), declared)).toMatch(pattern);
  });

  it('of more than one dimension are refused with their column', async () => {
    await expect(ingest(`SELECT now() AS at, ARRAY[1] AS a, '{{1,2},{3,4}}'::int[] AS nested`)).rejects.toThrow(
      /column "nested" holds an array of arrays/,
    );
  });

  it('keep the name and type they have in the database as provenance', async () => {
    const { provenance, notes } = await ingest(
      `SELECT '2020-01-01'::timestamp AS at, 1.5::numeric(10,2) AS "Odd ""name""", '{a}'::varchar(5)[] AS a`,
    );
    expect(provenance.schema).toEqual([
      { name: 'at', type: 'timestamp without time zone' },
      { name: 'Odd "name"', type: 'numeric(10,2)' },
      { name: 'a', type: 'character varying(5)[]' },
    ]);
    expect(notes).toEqual(['Column at is timestamp without time zone: its times are taken as UTC.']);
  });
});
