import { createHmac } from 'node:crypto';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanFile, type IngestResult, ingestSource } from '../../src/batch-source/index.js';
import type { BatchSource, PiiRule } from '../../src/definitions/index.js';
import { bool, float64, int32, int64, type Schema, string } from '../../src/types.js';
import { type TempLake, withTempLake } from '../support/lake.js';

/** A row of the suite's one table; `at` and `made` are ISO times. */
export interface SourceRow {
  readonly id: number;
  readonly at: string;
  readonly made: string | null;
  readonly whole: number | null;
  readonly real: number | null;
  readonly words: string | null;
  readonly flag: boolean | null;
}

export interface SourceOptions {
  readonly pii?: Record<string, PiiRule>;
  readonly timestampField?: string;
}

/** One kind of source. */
export interface SourceKind {
  /** Puts rows where such a source reads them, in place of those of before. */
  put(rows: readonly SourceRow[]): Promise<void>;
  /** The source of what was put, with the created time `made`. */
  define(options?: SourceOptions): BatchSource;
  readonly env: NodeJS.ProcessEnv;
  readonly projectRoot: string;
  close(): Promise<void>;
}

const rows: readonly SourceRow[] = [
  {
    id: 1,
    at: '2021-01-01T00:00:00Z',
    made: '2021-01-01T00:00:01.25Z',
    whole: 7,
    real: 0.1,
    words: 'a "quoted", one',
    flag: true,
  },
  { id: 2, at: '2021-01-02T00:00:00Z', made: null, whole: null, real: null, words: null, flag: null },
  {
    id: 1,
    at: '2021-01-01T00:00:00Z',
    made: '2021-01-01T00:00:01.25Z',
    whole: 7,
    real: 0.1,
    words: 'a "quoted", one',
    flag: true,
  },
  {
    id: 3,
    at: '2021-01-03T00:00:00Z',
    made: '2021-01-03T00:00:00Z',
    whole: -2,
    real: -1e300,
    words: 'ünïcode ✓',
    flag: false,
  },
];

const features = { whole: int32(), real: float64(), words: string(), flag: bool() };

/** What every batch source must do, wherever its rows lie. */
export function batchSourceSuite(name: string, open: () => Promise<SourceKind>): void {
  describe(`batch source: ${name}`, () => {
    let kind: SourceKind;
    let temp: TempLake;
    beforeAll(async () => {
      temp = await withTempLake();
      kind = await open();
      mkdirSync(path.join(temp.stateDir, 'staging'));
    });
    afterAll(async () => {
      await kind?.close();
      temp?.close();
    });

    const staging = (file: string): string => path.join(temp.stateDir, 'staging', file);
    async function ingest(
      source: BatchSource,
      signal?: AbortSignal,
      env: NodeJS.ProcessEnv = {},
    ): Promise<IngestResult> {
      rmSync(staging('ingested.parquet'), { force: true });
      const file = staging('ingested.parquet');
      return ingestSource(temp.lake, {
        source,
        projectRoot: kind.projectRoot,
        file,
        signal,
        env: { ...kind.env, ...env },
      });
    }
    async function clean(source: BatchSource, declared: Schema = features) {
      const { columns } = await ingest(source);
      const view = { name: 'view', joinKeys: { id: int64() }, features: declared, clean: {} };
      return cleanFile(temp.lake, {
        view,
        source,
        columns,
        input: staging('ingested.parquet'),
        file: staging('cleaned.parquet'),
      });
    }
    const staged = (file: string, list = '*') =>
      temp.lake.all<Record<string, unknown>>(`SELECT ${list} FROM read_parquet($1) ORDER BY _ingest_position`, [
        staging(file),
      ]);

    it('stages all rows and columns, numbered from 1, and says where they came from', async () => {
      await kind.put(rows);
      const { rows: count, columns, provenance } = await ingest(kind.define());
      expect(count).toBe(4);
      expect(columns.map((column) => column.name)).toEqual(['id', 'at', 'made', 'whole', 'real', 'words', 'flag']);
      expect(provenance).toMatchObject({ source: 'facts', rows: 4 });
      expect(provenance.schema.map((column) => column.name)).toEqual(columns.map((column) => column.name));
      expect((await staged('ingested.parquet', '_ingest_position AS p')).map(({ p }) => p)).toEqual([1n, 2n, 3n, 4n]);
    });

    it('gives the view the values it declares, duplicates removed', async () => {
      await kind.put(rows);
      expect(await clean(kind.define())).toMatchObject({ rowsIn: 4, rowsOut: 3, duplicates: 1, droppedColumns: [] });
      expect(await staged('cleaned.parquet', '* EXCLUDE (_ingest_position)')).toEqual(
        [rows[0], rows[1], rows[3]].map((row) => {
          const { id, at, made, ...values } = row as SourceRow;
          return {
            id: BigInt(id),
            event_timestamp: new Date(at),
            created_timestamp: made === null ? null : new Date(made),
            ...values,
          };
        }),
      );
    });

    it('leaves columns out that the view does not use, and names them', async () => {
      await kind.put(rows);
      const { droppedColumns } = await clean(kind.define(), { whole: int64() });
      expect(droppedColumns).toEqual(['real', 'words', 'flag']);
    });

    it('takes a table without rows', async () => {
      await kind.put([]);
      expect(await clean(kind.define())).toMatchObject({ rowsIn: 0, rowsOut: 0 });
    });

    it('drops, masks and hashes personal data before it is written', async () => {
      await kind.put(rows);
      const source = kind.define({ pii: { words: 'hash', real: 'mask', flag: 'drop' } });
      const { columns } = await ingest(source, undefined, { ASOF_PII_KEY: 'a key of the tests' });
      expect(columns.map((column) => column.name)).toEqual(['id', 'at', 'made', 'whole', 'real', 'words']);
      const hash = createHmac('sha256', 'a key of the tests').update('ünïcode ✓').digest('hex');
      expect(await staged('ingested.parquet', 'real, words')).toMatchObject([
        { real: '***' },
        { real: null, words: null },
        {},
        { words: hash },
      ]);
      await expect(ingest(source)).rejects.toThrow(/ASOF_PII_KEY is not set/);
      await expect(ingest(kind.define({ pii: { wrods: 'drop' } }))).rejects.toThrow(
        /no column "wrods", which a pii rule/,
      );
      expect(existsSync(staging('ingested.parquet'))).toBe(false);
    });

    it('refuses what does not fit, naming column, count and first value', async () => {
      await kind.put(rows.map((row) => ({ ...row, real: 1.5 })));
      await expect(clean(kind.define(), { real: int32() })).rejects.toThrow(
        /column "real": 4 values are no int32, first in row 1 \(1\.5\)/,
      );
      await kind.put(rows);
      await expect(clean(kind.define(), { wohle: int32() })).rejects.toMatchObject({
        name: 'DataError',
        message: expect.stringMatching(/no column "wohle" \(feature of view "view"\)/),
        mend: expect.stringMatching(/did you mean "whole"\?/),
      });
      await expect(clean(kind.define({ timestampField: 'when' }))).rejects.toThrow(/no column "when" \(timestampField/);
    });

    it('leaves nothing behind when it is ended', async () => {
      await kind.put(rows);
      await expect(ingest(kind.define(), AbortSignal.abort(new Error('cancelled')))).rejects.toThrow('cancelled');
      expect(existsSync(staging('ingested.parquet'))).toBe(false);
    });
  });
}
