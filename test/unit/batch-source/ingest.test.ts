import { createHash, createHmac } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ingestFile } from '../../../src/batch-source/index.js';
import { fileSource } from '../../../src/definitions/index.js';
import { describeError } from '../../../src/errors.js';
import { type TempLake, withTempLake } from '../../support/lake.js';

const projectRoot = path.resolve(import.meta.dirname, '../../..');
let temp: TempLake;
let root: string;

beforeAll(async () => {
  temp = await withTempLake();
  root = path.join(temp.stateDir, 'project');
  mkdirSync(path.join(root, 'data'), { recursive: true });
});
afterAll(() => temp.close());

type Options = Partial<Parameters<typeof fileSource>[0]>;
const sourceOf = (file: string, more: Options = {}) =>
  fileSource({ name: 'facts', path: file, timestampField: 'at', ...more });

/** Writes a file into the project and ingests it. */
async function ingest(name: string, content: string | Buffer, more: Options = {}, env: NodeJS.ProcessEnv = {}) {
  writeFileSync(path.join(root, name), content);
  const file = path.join(temp.stateDir, 'staging', `${name}.parquet`);
  const result = await ingestFile(temp.lake, { source: sourceOf(name, more), projectRoot: root, file, env });
  return {
    ...result,
    file,
    staged: await temp.lake.all(`SELECT * FROM read_parquet($1) ORDER BY _ingest_position`, [file]),
  };
}

/** The error of an ingest that must fail, with its mend; nothing may be staged. */
async function failure(
  name: string,
  content: string | Buffer | undefined,
  more: Options = {},
  env: NodeJS.ProcessEnv = {},
) {
  if (content !== undefined) writeFileSync(path.join(root, name), content);
  const file = path.join(temp.stateDir, 'staging', 'failed.parquet');
  const error = await ingestFile(temp.lake, { source: sourceOf(name, more), projectRoot: root, file, env }).then(
    () => undefined,
    (e: unknown) => e as Error,
  );
  expect(existsSync(file)).toBe(false);
  return { name: error?.name, text: describeError(error), error };
}

describe('the sample', () => {
  test('all columns, a stable position and provenance', async () => {
    const source = fileSource({
      name: 'driver_stats',
      path: 'data/driver_stats.parquet',
      timestampField: 'datetime',
      owner: 'ops',
    });
    const file = path.join(temp.stateDir, 'staging', 'sample.parquet');
    const seen: number[] = [];
    const result = await ingestFile(temp.lake, {
      source,
      projectRoot,
      file,
      onProgress: (progress) => 'doneBytes' in progress && seen.push(progress.doneBytes),
    });
    const bytes = readFileSync(path.join(projectRoot, 'data/driver_stats.parquet'));
    expect(result.rows).toBe(1807);
    expect(result.columns.map(({ name }) => name)).toEqual([
      'datetime', 'driver_id', 'conv_rate', 'acc_rate', 'avg_daily_trips', 'created', '__index_level_0__',
    ]); // biome-ignore format: one line
    expect(result.provenance).toMatchObject({
      source: 'driver_stats',
      path: 'data/driver_stats.parquet',
      sha256: createHash('sha256').update(bytes).digest('hex'),
      bytes: bytes.length,
      rows: 1807,
      owner: 'ops',
    });
    expect(result.provenance.schema[1]).toEqual({ name: 'driver_id', type: 'BIGINT' });
    expect(seen).toContain(bytes.length);
    const same = await temp.lake.one<{ n: bigint }>(
      `SELECT count(*) AS n FROM read_parquet($1) AS s JOIN read_parquet($2, file_row_number => true) AS o
       ON s._ingest_position = o.file_row_number + 1 AND s.driver_id = o.driver_id AND s.datetime = o.datetime
       AND s."__index_level_0__" = o."__index_level_0__"`,
      [file, path.join(projectRoot, 'data/driver_stats.parquet')],
    );
    expect(Number(same?.n)).toBe(1807);
  });

  test('a tab-separated file is found out', async () => {
    const { staged, columns } = await ingest(
      'orders.csv',
      readFileSync(path.join(projectRoot, 'data/driver_orders.csv')),
    );
    expect(columns.map(({ name }) => name)).toEqual(['event_timestamp', 'driver_id', 'trip_completed']);
    expect(staged).toHaveLength(10);
  });
});

describe('formats', () => {
  test('CSV keeps every value as the text it is', async () => {
    const { staged } = await ingest('a.csv', '\ufeffid;note;at\r\n007;"a;""b""\nc";2021-01-01\r\n8;"";\r\n');
    expect(staged).toEqual([
      { id: '007', note: 'a;"b"\nc', at: '2021-01-01', _ingest_position: 1n },
      { id: '8', note: '', at: null, _ingest_position: 2n },
    ]);
  });

  test('NDJSON keeps numbers and lists, and strings that look like something else', async () => {
    const { staged, columns } = await ingest(
      'a.ndjson',
      '{"id":1,"at":"2021-01-01T00:00:00+02:00","l":[1,2.5],"u":"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"}\n\n{"id":2,"mixed":"x","b":true}\n{"mixed":7}\n',
    );
    expect(columns).toEqual([
      { name: 'id', type: 'BIGINT' },
      { name: 'at', type: 'VARCHAR' },
      { name: 'l', type: 'DOUBLE[]' },
      { name: 'u', type: 'VARCHAR' },
      { name: 'mixed', type: 'VARCHAR' },
      { name: 'b', type: 'BOOLEAN' },
    ]);
    expect(staged[0]).toMatchObject({
      at: '2021-01-01T00:00:00+02:00',
      l: [1, 2.5],
      u: 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11',
    });
    expect(staged[1]).toMatchObject({ id: 2n, mixed: 'x', b: true, at: null });
    expect(staged[2]).toMatchObject({ mixed: '7', _ingest_position: 3n });
  });

  test('positions follow the order of a file that is read by several threads', async () => {
    const lines = Array.from(
      { length: 400_000 },
      (_, i) => `${i},"${i % 9 === 0 ? 'two\nlines' : 'one line of text to fill it up'}"`,
    );
    const { file } = await ingest('big.csv', `n,note\n${lines.join('\n')}\n`);
    const wrong = await temp.lake.one<{ n: bigint; rows: bigint }>(
      `SELECT count_if(n::BIGINT + 1 <> _ingest_position) AS n, count(*) AS rows FROM read_parquet($1)`,
      [file],
    );
    expect(wrong).toEqual({ n: 0n, rows: 400_000n });
  });

  test('a header without rows and a Parquet file without rows are fine', async () => {
    expect((await ingest('none.csv', 'id,at\n')).rows).toBe(0);
    const empty = path.join(root, 'none.parquet');
    await temp.lake.withSession((s) => s.run(`COPY (SELECT 1 AS id WHERE false) TO '${empty}' (FORMAT parquet)`));
    expect((await ingest('none.parquet', readFileSync(empty))).rows).toBe(0);
  });

  test('a position column the file already has is replaced', async () => {
    const { staged } = await ingest('again.csv', 'id,_ingest_position\na,90\nb,80\n');
    expect(staged).toEqual([
      { id: 'a', _ingest_position: 1n },
      { id: 'b', _ingest_position: 2n },
    ]);
  });
});

describe('personal data', () => {
  const key = 'a key with some length';
  const hmac = (text: string) => createHmac('sha256', key).update(text).digest('hex');
  const csv = 'id,mail,phone,name,at\n1,a@b.c,1,Ann,x\n2,,2,,y\n3,\u00fc@b.c,3,Bob,z\n';

  test.each([key, 'k'.repeat(64), 'long '.repeat(40)])(
    'hash is the HMAC-SHA256 of node:crypto (key %#)',
    async (secret) => {
      const { staged } = await ingest('p.csv', csv, { pii: { mail: 'hash' } }, { ASOF_PII_KEY: secret });
      const expected = (text: string) => createHmac('sha256', secret).update(text).digest('hex');
      expect(staged.map((row) => row['mail'])).toEqual([expected('a@b.c'), null, expected('\u00fc@b.c')]);
    },
  );

  test('mask, hash and drop happen before anything is staged', async () => {
    const { file, columns, provenance } = await ingest(
      'p.csv',
      csv,
      { pii: { mail: 'hash', phone: 'drop', name: 'mask' } },
      { ASOF_PII_KEY: key },
    );
    const rows = await temp.lake.all('SELECT * EXCLUDE (_ingest_position) FROM read_parquet($1)', [file]);
    expect(rows).toEqual([
      { id: '1', mail: hmac('a@b.c'), name: '***', at: 'x' },
      { id: '2', mail: null, name: null, at: 'y' },
      { id: '3', mail: hmac('\u00fc@b.c'), name: '***', at: 'z' },
    ]);
    expect(columns.map(({ name }) => name)).toEqual(['id', 'mail', 'name', 'at']);
    expect(provenance.schema.map(({ name }) => name)).toEqual(['id', 'mail', 'phone', 'name', 'at']);
    expect(readFileSync(file).includes('a@b.c')).toBe(false);
  });

  test('a hashed number is hashed as its text', async () => {
    const { staged } = await ingest('n.ndjson', '{"id":42}\n', { pii: { id: 'hash' } }, { ASOF_PII_KEY: key });
    expect(staged[0]?.['id']).toBe(hmac('42'));
  });

  test('no key: says which variable to set', async () => {
    const { name, text } = await failure('p.csv', csv, { pii: { mail: 'hash' } });
    expect(name).toBe('DefinitionError');
    expect(text).toMatch(/ASOF_PII_KEY/);
  });

  test('the key is in no error', async () => {
    const broken = `${csv}4,x\n`;
    const { error } = await failure('p.csv', broken, { pii: { mail: 'hash' } }, { ASOF_PII_KEY: key });
    expect(error?.name).toBe('DataError');
    const all = JSON.stringify([error?.message, error?.stack, String((error?.cause as Error | undefined)?.stack)]);
    expect(all).not.toContain(key);
    expect(all).not.toContain('a@b.c');
    expect(all).not.toContain('4,x');
  });

  test('the key is in no plan of DuckDB, where a bound one would be', async () => {
    const profile = path.join(temp.stateDir, 'profile.json');
    const { protectColumns } = await import('../../../src/batch-source/personal-data.js');
    // The inner pad is the key XOR 0x36: `}` for K.
    const leak = /\}{8}/;
    const mails = "(SELECT 'a' || range AS mail FROM range(1000))";
    await temp.lake.withSession(async (session) => {
      await session.run(`PRAGMA enable_profiling = 'json'`);
      await session.run(`PRAGMA profiling_output = '${profile}'`);
      await session.all(`SELECT max(sha256(unhex($1) || encode(mail))) FROM ${mails}`, ['7d'.repeat(8)]);
      expect(readFileSync(profile, 'utf8')).toMatch(leak);
      const source = sourceOf('p.csv', { pii: { mail: 'hash' } });
      const columns = [{ name: 'mail', type: 'VARCHAR' }];
      const [column] = await protectColumns(session, source, columns, 'p.csv', { ASOF_PII_KEY: 'K'.repeat(16) });
      await session.all(`SELECT max(${column?.sql}) FROM ${mails}`);
    });
    const text = readFileSync(profile, 'utf8');
    expect(text).toContain('outer_pad');
    expect(text).not.toMatch(leak);
    expect(text).not.toMatch(/K{8}|(x17\\*){8}/i);
  });

  test('a rule for a column that is not there: did you mean', async () => {
    const { name, text } = await failure('p.csv', csv, { pii: { mial: 'mask' } });
    expect(name).toBe('DataError');
    expect(text).toMatch(/"mial".*\n.*did you mean "mail"/);
  });
});

describe('bad files', () => {
  test('missing, with the neighbour that was meant', async () => {
    writeFileSync(path.join(root, 'data', 'driver_stats.csv'), 'a\n1\n');
    const { name, text } = await failure('data/driver_stat.csv', undefined);
    expect(name).toBe('DataError');
    expect(text).toMatch(/data\/driver_stat\.csv: there is no such file\n.*did you mean "driver_stats\.csv"/);
  });

  test.each([
    ['a folder', 'folder.csv', undefined, /it is a folder/],
    ['no bytes', 'zero.parquet', '', /the file is empty/],
    ['no bytes of CSV', 'zero.csv', '', /the file is empty/],
    [
      'not Parquet',
      'text.parquet',
      'hello, this is not parquet at all',
      /text\.parquet: it is cut off, or not a Parquet file/,
    ],
    ['a short row', 'short.csv', 'a,b,c\n1,2,3\n4,5\n', /short\.csv, line 3: the row has 2 fields, the header 3/],
    ['a long row', 'long.csv', 'a,b\n1,2\n4,5,6\n7,8\n', /long\.csv, line 3: the row has 3 fields, the header 2/],
    ['an open quote', 'quote.csv', 'a,b\n1,2\n4,"5\n7,8\n', /quote\.csv, line 3: a quoted field/],
    ['no UTF-8', 'latin.csv', Buffer.from('a,b\n1,\xfc\n', 'latin1'), /latin\.csv, line 2: the row is not UTF-8/],
    ['a name twice', 'twice.csv', 'a,b,A\n1,2,3\n', /line 1: two columns are named "A"/],
    [
      'a bad line',
      'bad.ndjson',
      '{"a":1}\n{"a":2}\n{"a":\n{"a":3}\n',
      /bad\.ndjson, line 3: the line is not valid JSON/,
    ],
    ['a cut line', 'cut.ndjson', '{"a":1}\n{"a":2', /cut\.ndjson, line 2: the line is not valid JSON/],
    ['no object', 'list.ndjson', '{"a":1}\n[1]\n', /list\.ndjson, line 2: the line is JSON, but not an object/],
    ['twin fields', 'twin.ndjson', '{"a":1}\n{"A":2}\n', /upper and lower case only/],
    ['a field twice', 'dup.ndjson', '{"a":1}\n{"a":1,"a":2}\n', /dup\.ndjson, line 2: an object has one field twice/],
  ])('%s', async (_, name, content, message) => {
    if (content === undefined) mkdirSync(path.join(root, name), { recursive: true });
    const found = await failure(name, content);
    expect(found.name).toBe('DataError');
    expect(found.text).toMatch(message);
    expect(found.text).toMatch(/\n {2}→ /);
  });

  test.each([
    ['cut off', (b: Buffer) => b.subarray(0, 30_000), /cut off, or not a Parquet file/],
    ['overwritten', (b: Buffer) => Buffer.from(b).fill(0xff, 5_000, 9_000), /it is a damaged Parquet file/],
  ])('Parquet %s', async (_, damage, message) => {
    const { name, text } = await failure(
      'damaged.parquet',
      damage(readFileSync(path.join(projectRoot, 'data/driver_stats.parquet'))),
    );
    expect(name).toBe('DataError');
    expect(text).toMatch(message);
  });

  test('patterns and ways out of the project are refused; an absolute path is not', async () => {
    expect((await failure('data/*.csv', undefined)).text).toMatch(/is a pattern/);
    expect((await failure('../other.csv', undefined)).text).toMatch(/leads out of the project/);
    const outside = path.join(temp.stateDir, 'outside.parquet');
    copyFileSync(path.join(projectRoot, 'data/driver_stats.parquet'), outside);
    const file = path.join(temp.stateDir, 'staging', 'outside.parquet');
    const { rows, provenance } = await ingestFile(temp.lake, { source: sourceOf(outside), projectRoot: root, file });
    expect([rows, provenance.path]).toEqual([1807, outside]);
  });

  test('an aborted ingest stages nothing', async () => {
    writeFileSync(path.join(root, 'ok.csv'), 'a\n1\n');
    const file = path.join(temp.stateDir, 'staging', 'aborted.parquet');
    const signal = AbortSignal.abort(new Error('stop'));
    await expect(
      ingestFile(temp.lake, { source: sourceOf('ok.csv'), projectRoot: root, file, signal }),
    ).rejects.toThrow('stop');
    expect(existsSync(file)).toBe(false);
  });
});
