import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileSource } from '../../src/definitions/index.js';
import { lit } from '../../src/lake/index.js';
import { writeFileByCopy } from '../../src/lake/parquet-file.js';
import { withScratchDatabase } from '../../src/lake/scratch-database.js';
import { batchSourceSuite, type SourceKind, type SourceRow } from './batch-source.js';

const columns =
  'id: BIGINT, at: TIMESTAMPTZ, made: TIMESTAMPTZ, whole: INTEGER, real: DOUBLE, words: VARCHAR, flag: BOOLEAN';
const header = 'id,at,made,whole,real,words,flag';
const cell = (value: unknown): string =>
  value === null ? '' : typeof value === 'string' ? `"${value.replaceAll('"', '""')}"` : String(value);

const writers: Record<string, (rows: readonly SourceRow[], file: string) => Promise<void>> = {
  csv: async (rows, file) =>
    writeFileSync(
      file,
      [header, ...rows.map((row) => Object.values(row).map(cell).join(','))].map((line) => `${line}\n`).join(''),
    ),
  parquet: async (rows, file) => {
    const json = `${file}.ndjson`;
    writeFileSync(json, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const types = columns.replaceAll(/(\w+): (\w+)/g, (_, name: string, type: string) => `${lit(name)}: ${lit(type)}`);
    await withScratchDatabase({}, (session) =>
      writeFileByCopy(
        session,
        `FROM read_json(${lit(json)}, format => 'newline_delimited', columns => {${types}})`,
        [],
        file,
        'FORMAT parquet',
      ),
    );
  },
};

for (const [format, write] of Object.entries(writers)) {
  batchSourceSuite(`${format} file`, async (): Promise<SourceKind> => {
    const projectRoot = mkdtempSync(path.join(os.tmpdir(), 'asof-source-'));
    return {
      projectRoot,
      env: {},
      put: (rows) => write(rows, path.join(projectRoot, `facts.${format}`)),
      define: (options) =>
        fileSource({
          name: 'facts',
          path: `facts.${format}`,
          timestampField: 'at',
          createdTimestampField: 'made',
          ...options,
        }),
      close: async () => rmSync(projectRoot, { recursive: true, force: true }),
    };
  });
}
