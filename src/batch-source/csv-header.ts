import { closeSync, openSync, readSync } from 'node:fs';
import { didYouMean } from '../did-you-mean.js';
import { DataError } from '../errors.js';
import type { SourceFile } from './source-file.js';

/** A header longer than this is taken for something that is no CSV. */
const headerBytesMax = 1 << 20;
const delimiters = [',', '\t', ';', '|'] as const;

export interface CsvHeader {
  readonly delimiter: string;
  readonly columns: readonly string[];
}

/**
 * Delimiter and column names, from the first line only. DuckDB's own sniffer is not used: it may take a broken file for one with
 * another delimiter, or skip the lines it can't explain.
 * @throws DataError when there is no header, or a name is given twice.
 */
export function readCsvHeader(file: SourceFile): CsvHeader {
  const text = readStart(file);
  const cut = endOfRecord(text);
  if (cut === -1 && text.length >= headerBytesMax) {
    throw new DataError('the first line is too long to be a header', {
      where: file.shown,
      mend: 'check that the file is CSV and its quotes are closed',
    });
  }
  const line = (cut === -1 ? text : text.slice(0, cut)).replace(/^\ufeff/, '');
  const delimiter = delimiters
    .map((each) => ({ each, count: splitRecord(line, each).length }))
    .reduce((best, next) => (next.count > best.count ? next : best)).each;
  const columns = splitRecord(line, delimiter).map((name, index) => name.trim() || `column_${index + 1}`);
  const lower = columns.map((name) => name.toLowerCase());
  const twice = columns.find((_, index) => lower.indexOf(lower[index] as string) !== index);
  if (twice !== undefined) {
    throw new DataError(`two columns are named "${twice}" (SQL does not tell cases apart)`, {
      where: `${file.shown}, line 1`,
      mend: 'rename one in the header',
    });
  }
  return { delimiter, columns };
}

/** Says which column was probably meant, and lists what there is. */
export function columnsMend(wanted: string, columns: readonly string[], has = 'the file has'): string {
  const listed = columns.length > 30 ? `${columns.slice(0, 30).join(', ')} … (${columns.length})` : columns.join(', ');
  return `${didYouMean(wanted, columns)}${has} ${listed}`;
}

function readStart(file: SourceFile): string {
  const handle = openSync(file.path, 'r');
  try {
    const buffer = Buffer.alloc(Math.min(file.bytes, headerBytesMax));
    return buffer.toString('utf8', 0, readSync(handle, buffer, 0, buffer.length, 0));
  } finally {
    closeSync(handle);
  }
}

/** Where the first line ends outside quotes; -1 = not in this text. */
function endOfRecord(text: string): number {
  let quoted = false;
  for (let i = 0; i < text.length; i += 1) {
    const char = text[i];
    if (char === '"') quoted = !quoted;
    else if (!quoted && (char === '\n' || char === '\r')) return i;
  }
  return -1;
}

/** One CSV line as its fields; quotes around a field are taken off and doubled ones inside it halved. */
function splitRecord(line: string, delimiter: string): string[] {
  const fields: string[] = [];
  let field = '';
  let quoted = false;
  for (let i = 0; i < line.length; i += 1) {
    const char = line[i] as string;
    if (quoted && char === '"' && line[i + 1] === '"') {
      field += '"';
      i += 1;
    } else if (char === '"') quoted = !quoted;
    else if (!quoted && char === delimiter) {
      fields.push(field);
      field = '';
    } else field += char;
  }
  fields.push(field);
  return fields;
}
