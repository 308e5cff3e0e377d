import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { FileFormat } from '../definitions/sources.js';
import { AsofError, DataError } from '../errors.js';
import { firstLine } from '../lake/index.js';
import type { SourceFile } from './source-file.js';

/** Failures that say nothing about the file. */
const notTheFile = /^(Out of Memory|INTERNAL|FATAL|Interrupt|Connection)/i;

/**
 * Turns what DuckDB says about a file into an error for the file's owner. Its own text is not passed on where it quotes the file's
 * content, which may be personal data.
 */
export async function readerError(
  error: unknown,
  format: FileFormat,
  file: SourceFile,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  if (error instanceof AsofError || signal?.aborted === true || !(error instanceof Error)) return error;
  if (notTheFile.test(error.message)) return error;
  switch (format) {
    case 'parquet':
      return parquetError(error, file);
    case 'ndjson':
      return ndjsonError(error, file);
    default:
      return csvError(error, file);
  }
}

function parquetError(error: Error, file: SourceFile): DataError {
  const cut = /magic bytes|too small to be/i.test(error.message);
  const what = cut
    ? 'it is cut off, or not a Parquet file'
    : /not valid UTF-?8/i.test(error.message)
      ? 'a column of text holds bytes that are not UTF-8'
      : `it is a damaged Parquet file: ${tail(error)}`;
  return new DataError(what, {
    where: file.shown,
    mend: 'write the file again, or correct the format of its source',
    cause: withoutContent(error),
  });
}

/** The last part of DuckDB's first line, which names what is wrong with the bytes and nothing of their content. */
const tail = (error: Error): string =>
  firstLine(error)
    .replace(/^.*Error: /, '')
    .replace(/^.*": /, '')
    .slice(0, 200);

function csvError(error: Error, file: SourceFile): DataError {
  const { message } = error;
  const line = /on Line: (\d+)/.exec(message)?.[1];
  const counts = /Expected Number of Columns: (\d+) Found: (\d+)/.exec(message);
  const what =
    counts !== null
      ? `the row has ${counts[2]} fields, the header ${counts[1]}`
      : /unterminated quote/i.test(message)
        ? 'a quoted field does not end where it should'
        : /unicode|utf-8/i.test(message)
          ? 'the row is not UTF-8 text'
          : /maximum line size/i.test(message)
            ? 'the row is longer than 2 MB'
            : 'the row is not valid CSV';
  return new DataError(what, {
    where: line === undefined ? file.shown : `${file.shown}, line ${line}`,
    mend: 'correct the row, or the program that wrote it',
    cause: withoutContent(error),
  });
}

/** DuckDB's line numbers for NDJSON are those of its buffers, so the first bad line is looked for again. */
async function ndjsonError(error: Error, file: SourceFile): Promise<DataError> {
  const bad = await firstBadLine(file);
  const twice = /duplicate key/i.test(error.message);
  const line = bad?.line ?? /in line (\d+)/.exec(error.message)?.[1];
  return new DataError(
    bad?.reason ?? (twice ? 'an object has one field twice' : 'the file is not newline-delimited JSON'),
    {
      where: line === undefined ? file.shown : `${file.shown}, line ${line}`,
      mend: 'each line must be one JSON object; correct the line, or the program that wrote it',
      cause: withoutContent(error),
    },
  );
}

async function firstBadLine(file: SourceFile): Promise<{ line: number; reason: string } | undefined> {
  const lines = createInterface({ input: createReadStream(file.path), crlfDelay: Number.POSITIVE_INFINITY });
  let line = 0;
  for await (const text of lines) {
    line += 1;
    if (text.trim() === '') continue;
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) continue;
      return { line, reason: 'the line is JSON, but not an object' };
    } catch {
      return { line, reason: 'the line is not valid JSON' };
    }
  }
  return undefined;
}

/** What is kept as the cause: the kind of error without the lines of the file that DuckDB quotes. */
const withoutContent = (error: Error): Error => new Error(firstLine(error).split(':')[0] ?? 'DuckDB error');
