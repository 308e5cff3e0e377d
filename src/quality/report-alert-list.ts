import { shownExample } from './examples.js';
import type { ExpectationResult } from './expectation-result.js';
import { html, type Markup } from './html.js';
import { howMany } from './quality.js';
import { type Alert, type AlertColumn, alertsOf } from './report-alerts.js';
import type { ReportData } from './report-data.js';
import { cutText, formatName, formatNumber } from './report-format.js';
import { reportLimits } from './report-limits.js';
import { rowTable } from './report-rows.js';

/** What a reader must see first: failed expectations with examples, then what is odd in the data, with links to the columns. */
export function alertList(reports: readonly ReportData[]): Markup {
  const isOne = reports.length === 1;
  const failed = reports
    .flatMap((report, at) =>
      report.expectations
        .filter(({ passed }) => !passed)
        .map((result) => ({ result, of: isOne ? undefined : report, at })),
    )
    .sort((a, b) => gravity(a.result) - gravity(b.result));
  const odd = reports
    .flatMap((report, at) => alertsOf(report).map((alert) => ({ alert, of: isOne ? undefined : report, at, report })))
    .sort((a, b) => Number(b.alert.kind === 'drift') - Number(a.alert.kind === 'drift'));
  const empty = reports.flatMap((report, at) => (isEmpty(report) ? [{ of: isOne ? undefined : report, at }] : []));
  const count = failed.length + odd.length + empty.length;
  const heading = html`<h2 id="alerts">Alerts <small>${count === 0 ? 'none' : formatNumber(count)}</small></h2>`;
  if (count === 0) {
    return html`${heading}<p class="soft">Every expectation holds, no column drifted, and none is empty or constant.</p>`;
  }
  return html`${heading}${failed.map(({ result, of, at }, index) =>
    failedExpectation(result, viewLink(of, at), index < reportLimits.openExamples),
  )}${empty.map(({ of, at }) => note('none', 'Note', html`${viewLink(of, at)}there are no rows`))}${odd.map(
    ({ alert, of, at, report }) =>
      note(
        alert.kind === 'drift' ? 'warn' : 'none',
        alert.kind === 'drift' ? 'Drift' : 'Note',
        html`${viewLink(of, at)}${alert.text}: ${columnLinks(alert, report, at)}`,
      ),
  )}`;
}

const gravity = ({ severity }: ExpectationResult): number =>
  severity === 'error' ? 0 : severity === 'quarantine' ? 1 : 2;

/** A report without counts is of no rows of its own. */
const isEmpty = ({ profile, counts }: ReportData): boolean => counts !== undefined && profile.rows === 0;

const viewLink = (of: ReportData | undefined, at: number): Markup | undefined =>
  of && html`<a class="of" href="#v${at}">${formatName(of.view)}</a> `;

const note = (look: string, label: string, text: Markup): Markup =>
  html`<div class="alert ${look === 'warn' && 'is-warn'}"><p><span class="pill ${look}">${label}</span><span>${text}</span></p></div>`;

function columnLinks({ kind, columns }: Alert, { profile }: ReportData, at: number): Markup {
  const place = new Map(profile.columns.map(({ name }, index) => [name, index]));
  const link = (name: string) => {
    const index = place.get(name);
    const text = html`<code>${formatName(name)}</code>`;
    if (index === undefined) return text;
    return html`<a href="#v${at}-${kind === 'drift' ? 'd' : 'c'}${index}">${text}</a>`;
  };
  const shown = columns.slice(0, reportLimits.alertColumns);
  const one = ({ name, with: other, detail }: AlertColumn, index: number) =>
    html`${index > 0 && ', '}${link(name)}${other !== undefined && html` and ${link(other)}`}${detail !== undefined && html` <span class="soft">${detail}</span>`}`;
  const more = columns.length - shown.length;
  return html`${shown.map(one)}${more > 0 && ` and ${formatNumber(more)} more`}`;
}

function failedExpectation(result: ExpectationResult, of: Markup | undefined, isOpen: boolean): Markup {
  const { severity, examples, columns, expectation } = result;
  const isError = severity === 'error';
  const label = isError ? 'Error' : severity === 'warn' ? 'Warning' : 'Quarantine';
  return html`<div class="alert ${isError ? 'is-bad' : 'is-warn'}"><p><span class="pill ${isError ? 'bad' : 'warn'}">${label}</span><span>${of}<code>${ruleText(expectation)}</code> — ${howMany(result, formatNumber)}</span></p>${
    examples.length > 0 &&
    html`<details${isOpen && html` open`}><summary>${examples.length === 1 ? 'The row' : `The first ${examples.length} rows`}</summary>${rowTable(
      examples.map(shownExample),
      { label: `Rows that break ${ruleText(expectation)}`, own: columns },
    )}</details>`
  }</div>`;
}

/** Rules list values, and there may be thousands. */
export const ruleText = (rule: string): string => cutText(rule, 2 * reportLimits.textLetters);
