import Table from 'cli-table3';
import { describeError } from '../errors.js';
import { printable, printableLines } from './printable.js';

/** JSON as every command prints it: one object, bigint as number where exact and as text elsewhere, times as ISO strings. */
export const toJson = (value: unknown): string =>
  JSON.stringify(
    value,
    function (this: Record<string, unknown>, key, given: unknown) {
      // Buffers turn themselves into something else before they are seen here.
      const v = this[key] instanceof Uint8Array ? this[key] : given;
      if (typeof v === 'bigint') return Number.isSafeInteger(Number(v)) ? Number(v) : v.toString();
      if (v instanceof Uint8Array) return Buffer.from(v).toString('base64');
      if (typeof v === 'number' && !Number.isFinite(v)) return String(v);
      return v;
    },
    2,
  );

export const printJson = (value: unknown): void => console.log(toJson(value));

/** Rows of a small result for people; columns in the order of the first row. */
export function printTable(
  rows: readonly Readonly<Record<string, unknown>>[],
  columns = Object.keys(rows[0] ?? {}),
): void {
  if (rows.length === 0) {
    console.log('(no rows)');
    return;
  }
  const plain = process.stdout.isTTY !== true;
  const table = new Table({
    head: columns.map(printable),
    style: plain ? { head: [], border: [], compact: true } : { head: ['cyan'], border: ['gray'], compact: true },
  });
  for (const row of rows) table.push(columns.map((column) => formatCell(row[column])));
  console.log(table.toString());
}

/** A table without lines, for what is many columns wide; columns in the order of the first row. */
export function printColumns(rows: readonly Readonly<Record<string, unknown>>[]): void {
  const columns = Object.keys(rows[0] ?? {});
  const lines = [
    columns.map(printable),
    ...rows.map((row) => columns.map((column) => printable(formatCell(row[column])))),
  ];
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => (line[at] ?? '').length)));
  for (const line of lines)
    console.log(
      line
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    );
}

/** A value of whatever type, as a terminal may show it. */
export function formatCell(value: unknown): string {
  if (value === null || value === undefined) return '·';
  if (value instanceof Date) return value.toISOString().replace('.000Z', 'Z');
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString('hex')}`;
  if (typeof value === 'number' && !Number.isInteger(value)) return String(Number(value.toPrecision(9)));
  return printableLines(typeof value === 'object' ? toJson(value) : String(value));
}

/** `1,805 rows`, `1 row` */
export const plural = (count: number, noun: string): string =>
  `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;

/** Whether stdout may hold colours: https://no-color.org. */
export const isColoured = (): boolean => process.stdout.isTTY === true && (process.env['NO_COLOR'] ?? '') === '';

export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 1)} s`;

/** An error for people on stderr; with --json as one object there, so that stdout stays clean. */
export function printError(error: unknown, json: boolean): void {
  const { name, where, mend } = (error ?? {}) as { name?: string; where?: string; mend?: string };
  const message = error instanceof Error ? error.message : String(error);
  if (json) console.error(toJson({ error: { type: name ?? 'Error', message, where, mend } }));
  else console.error(`asof: ${printableLines(describeError(error))}`);
}
