import type { ExpectationResult } from './expectation-result.js';
import { html, type Markup } from './html.js';
import type { JsonValue } from './profile-types.js';
import { howMany } from './quality.js';
import type { ReportData } from './report-data.js';
import { formatNumber, formatValue } from './report-format.js';

/** What a reader must see first: failed expectations with examples, then columns that carry no information. */
export function alerts({ expectations, profile }: ReportData): Markup {
  const failed = expectations
    .filter(({ passed }) => !passed)
    .sort((a, b) => Number(b.severity === 'error') - Number(a.severity === 'error'));
  const found = [
    ...failed.map((result, at) => failedExpectation(result, at < openMax)),
    ...(profile.rows === 0 ? [notice('The file has no rows.')] : []),
  ];
  for (const column of profile.columns) {
    const name = html`<code>${column.name}</code>`;
    if (profile.rows > 0 && column.missing === profile.rows) found.push(notice('is missing in every row', name));
    else if (profile.rows > 1 && column.distinct === 1 && column.missing === 0) {
      found.push(notice('has the same value in every row', name));
    }
    if (column.nonFinite > 0) found.push(notice(`has ${formatNumber(column.nonFinite)} NaN or infinite values`, name));
  }
  const heading = html`<h2>Alerts <small>${found.length === 0 ? 'none' : formatNumber(found.length)}</small></h2>`;
  return found.length === 0
    ? html`${heading}<p class="soft">Every expectation holds, and no column is empty or constant.</p>`
    : html`${heading}${found}`;
}

const notice = (text: string, subject?: Markup): Markup =>
  html`<div class="alert"><p><span class="pill none">Note</span><span>${subject} ${text}</span></p></div>`;

/** Examples that are shown without a click: of many failed rules, all would push the rest of the page away. */
const openMax = 3;

function failedExpectation(result: ExpectationResult, isOpen: boolean): Markup {
  const isError = result.severity === 'error';
  const label = isError ? 'Error' : result.severity === 'warn' ? 'Warning' : 'Quarantine';
  return html`<div class="alert ${isError ? 'is-bad' : 'is-warn'}"><p><span class="pill ${isError ? 'bad' : 'warn'}">${label}</span><span><code>${result.expectation}</code> — ${howMany(result, formatNumber)}</span></p>${
    result.examples.length > 0 &&
    html`<details${isOpen && html` open`}><summary>${result.examples.length === 1 ? 'The row' : `The first ${result.examples.length} rows`}</summary>${exampleTable(result)}</details>`
  }</div>`;
}

function exampleTable({ columns, examples }: ExpectationResult): Markup {
  const names = Object.keys(examples[0] ?? {});
  const cell = (row: Record<string, unknown>, name: string) => {
    const value = row[name] as JsonValue | undefined;
    const kind = value === null || value === undefined ? 'null' : columns.includes(name) ? 'own' : '';
    return html`<td class="${kind}" title="${exact(value)}">${exact(value)}</td>`;
  };
  return html`<div class="scroll" tabindex="0"><table class="examples"><thead><tr>${names.map((name) => html`<th>${name}</th>`)}</tr></thead><tbody>${examples.map(
    (row) => html`<tr>${names.map((name) => cell(row, name))}</tr>`,
  )}</tbody></table></div>`;
}

/** An example row is looked up elsewhere by its values, so its numbers are not rounded or grouped. */
const exact = (value: JsonValue | undefined): string =>
  typeof value === 'number' ? String(value) : formatValue(value);
