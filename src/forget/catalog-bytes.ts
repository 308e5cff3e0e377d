import { readFileSync } from 'node:fs';
import { id, type Lake } from '../lake/index.js';
import type { ForgottenKey } from './key.js';

/** Texts that are long enough not to stand anywhere by chance. */
const longEnough = 8;

/**
 * Looks for the keys in the bytes of the catalog's files, free pages and the log of changes included: as JSON writes them behind their
 * names, and by themselves where they are long enough to be no coincidence. Where one is part of a longer text that the catalog holds
 * (another's value, which begins with it), it is no trace: those texts are looked at as rows.
 */
export async function lookAtBytes(lake: Lake, keys: readonly ForgottenKey[]): Promise<{ bytes: number; hits: number }> {
  const wanted = keys
    .filter((key) => key.length === 1)
    .flat()
    .flatMap(({ name, texts }) =>
      texts.flatMap((text) => {
        const [field, value] = [JSON.stringify(name), JSON.stringify(text)];
        return [
          ...[`${field}:${text},`, `${field}:${text}}`, `${field}:${value}`, `${field}: ${value}`],
          ...(text.length >= longEnough ? [text] : []),
        ];
      }),
    );
  const contents = lake.catalogFiles.map(readIfThere);
  let hits = 0;
  for (const text of new Set(wanted.flatMap(written))) {
    const found = contents.flatMap((content) => placesOf(content, text).map((at) => ({ content, at })));
    if (found.length === 0) continue;
    const longer = await textsAround(lake, text);
    const isPart = (content: Buffer, at: number): boolean =>
      longer.some((around) =>
        placesOf(around, text).some((offset) => {
          const start = at - offset;
          return start >= 0 && content.subarray(start, start + around.length).equals(around);
        }),
      );
    if (found.some(({ content, at }) => !isPart(content, at))) hits += 1;
  }
  return { bytes: contents.reduce((sum, { length }) => sum + length, 0), hits };
}

/** As it stands, and as statistics of bytes write it: in hex, or with the marks of JSON escaped. */
const written = (text: string): string[] => [
  ...[text, text.replaceAll('"', '\\x22')],
  Buffer.from(text).toString('hex').toUpperCase(),
];

function placesOf(content: Buffer, text: string): number[] {
  const places: number[] = [];
  for (let at = content.indexOf(text); at !== -1; at = content.indexOf(text, at + 1)) places.push(at);
  return places;
}

/** Every text of the catalog that holds another one, and more: of rows that it keeps, and the least and greatest of files and tables. */
async function textsAround(lake: Lake, text: string): Promise<Buffer[]> {
  const rows = await lake.all<{ table_name: string }>(
    `SELECT table_name FROM ${lake.metadata('ducklake_inlined_data_tables')}`,
  );
  const tables = ['ducklake_file_column_stats', 'ducklake_table_column_stats', ...rows.map((row) => row.table_name)];
  const found = new Map<string, Buffer>();
  for (const table of tables) {
    const relation = lake.metadata(table);
    const columns = await lake.all<{ column_name: string; column_type: string }>(`DESCRIBE SELECT * FROM ${relation}`);
    for (const { column_name } of columns.filter(({ column_type }) => /^(VARCHAR|BLOB)$/.test(column_type))) {
      const hex = `hex(${id(column_name)})`;
      const texts = await lake.all<{ hex: string }>(
        `SELECT DISTINCT ${hex} AS hex FROM ${relation} WHERE contains(${hex}, $1)`,
        [Buffer.from(text).toString('hex').toUpperCase()],
      );
      for (const { hex } of texts)
        if (hex.length > 2 * Buffer.byteLength(text)) found.set(hex, Buffer.from(hex, 'hex'));
    }
  }
  return [...found.values()];
}

function readIfThere(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch {
    return Buffer.alloc(0);
  }
}
