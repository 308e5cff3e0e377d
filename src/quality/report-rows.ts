import { html, type Markup } from './html.js';
import type { JsonValue, SampleRows } from './profile-types.js';
import { cutText, formatName, formatNumber, formatValue } from './report-format.js';
import { reportLimits } from './report-limits.js';

/** Rows of the data as a table that scrolls by itself. @param own columns to mark, which come first. */
export function rowTable(
  rows: readonly Readonly<Record<string, unknown>>[],
  { label, own = [], columns = Object.keys(rows[0] ?? {}) }: RowTable,
): Markup {
  const names = columns.slice(0, reportLimits.rowColumns);
  const cell = (row: Readonly<Record<string, unknown>>, name: string) => {
    const value = row[name] as JsonValue | undefined;
    const kind = value === null || value === undefined ? 'null' : own.includes(name) ? 'own' : '';
    const text = exact(value);
    return html`<td${kind !== '' && html` class="${kind}"`}${text.length > shownLetters && html` title="${text}"`}>${text}</td>`;
  };
  const left = columns.length - names.length;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${label}"><table class="rows"><thead><tr>${names.map(
    (name) => html`<th scope="col">${formatName(name)}</th>`,
  )}</tr></thead><tbody>${rows.map((row) => html`<tr>${names.map((name) => cell(row, name))}</tr>`)}</tbody></table></div>${
    left > 0 && html`<p class="soft">and ${formatNumber(left)} more columns, in report.json</p>`
  }`;
}

/** Longer values may be cut by their cell, and are shown whole when pointed at. */
const shownLetters = 24;

interface RowTable {
  /** For those who don't see the table. */
  readonly label: string;
  readonly own?: readonly string[] | undefined;
  readonly columns?: readonly string[] | undefined;
}

/** A row is looked up elsewhere by its values, so its numbers are not rounded or grouped. */
const exact = (value: JsonValue | undefined): string =>
  cutText(typeof value === 'number' ? String(value) : formatValue(value), reportLimits.textLetters);

export function sampleTable({ columns, outOf, rows }: SampleRows, at: number): Markup {
  const beyond = outOf > columns.length ? `; ${formatNumber(columns.length)} of ${formatNumber(outOf)} columns` : '';
  return html`<h3 id="v${at}-sample">Sample <small>${formatNumber(rows.length)} rows, evenly spaced${beyond}</small></h3><div class="panel">${rowTable(
    rows,
    { label: 'Sample rows', columns },
  )}</div>`;
}
