import type { ExpectationResult } from './expectation-result.js';
import { html, type Markup } from './html.js';
import { ruleText } from './report-alert-list.js';
import { alertsOf } from './report-alerts.js';
import { columnCards } from './report-columns.js';
import type { ReportData, ReportSource } from './report-data.js';
import { driftSection } from './report-drift.js';
import { cutText, formatBytes, formatName, formatNumber, formatSecond, formatShare, isTime } from './report-format.js';
import { reportLimits } from './report-limits.js';
import { correlationMap, missingSets } from './report-relations.js';
import { sampleTable } from './report-rows.js';
import { timesSection } from './report-times.js';

export const verdicts = {
  passed: { label: 'Passed', look: 'good' },
  warned: { label: 'Passed with warnings', look: 'warn' },
  failed: { label: 'Failed', look: 'bad' },
} as const;

export interface ViewPlace {
  /** Which view of the page it is. */
  readonly at: number;
  readonly cards: number;
  /** The only view of the page, whose counts stand at the top. */
  readonly isOnly: boolean;
}

/** All that is told of one view. */
export function viewSection(report: ReportData, { at, cards, isOnly }: ViewPlace): Markup {
  const { view, quality, profile, drift = [], joinKeys = [], sample, notes, source } = report;
  const { label, look } = verdicts[quality];
  const odd = new Set(
    alertsOf(report).flatMap(({ columns }) => columns.flatMap((one) => [one.name, one.with ?? one.name])),
  );
  const correlations = profile.correlations && correlationMap(profile.correlations, at, profile.rows);
  const together = profile.missingTogether && missingSets(profile.missingTogether, at, profile.rows);
  const times = timesSection(report, at);
  const links: [string, string, boolean][] = [
    ['expectations', 'Expectations', true],
    ['times', 'Freshness', times !== undefined],
    ['drift', 'Drift', drift.length > 0],
    ['correlations', 'Correlations', correlations !== undefined],
    ['missing', 'Missing together', together !== undefined],
    ['columns', 'Columns', profile.columns.length > 0],
    ['sample', 'Sample', sample !== undefined && sample.rows.length > 0],
    ['source', 'Source', source !== undefined],
  ];
  return html`<section id="v${at}" class="view"><div class="title"><h2>${formatName(view)}</h2><span class="pill ${look}">${label}</span></div>${
    !isOnly && flow(report)
  }<nav class="jump" aria-label="Parts of ${formatName(view)}">${links
    .filter(([, , isThere]) => isThere)
    .map(([id, text]) => html`<a href="#v${at}-${id}">${text}</a>`)}</nav>${expectationTable(report, at)}${times}${
    drift.length > 0 && driftSection(drift, profile, at)
  }${correlations}${together}${profile.columns.length > 0 && columnCards(profile, { at, cards, odd, keys: joinKeys })}${
    sample !== undefined && sample.rows.length > 0 && sampleTable(sample, at)
  }${source !== undefined && sourceTable(source, report, at)}${
    notes.length > 0 &&
    html`<h3>Notes</h3><div class="panel"><ul class="notes">${notes.map((note) => html`<li>${note}</li>`)}</ul></div>`
  }</section>`;
}

export const time = (iso: string): string => (isTime(iso) ? `${formatSecond(iso)} UTC` : iso);

/** Where the rows went. */
export function flow({ counts, quality }: ReportData): Markup | undefined {
  if (counts === undefined) return undefined;
  const { read, duplicates, dropped, quarantined, published } = counts;
  const reasons = Object.entries(dropped).filter(([, rows]) => rows > 0);
  const total = reasons.reduce((sum, [, rows]) => sum + rows, 0);
  const stage = (label: string, rows: number, detail?: string) =>
    html`<div><dt>${label}</dt><dd class="${rows === 0 && 'zero'}">${formatNumber(rows)}${detail !== undefined && html`<small>${detail}</small>`}</dd></div>`;
  const why = reasons.map(([reason, rows]) => `${reason}: ${formatNumber(rows)}`).join(', ');
  return html`<dl class="flow">${stage('rows read', read)}${stage('duplicates removed', duplicates)}${stage('dropped', total, why === '' ? undefined : why)}${stage('quarantined', quarantined)}${
    published !== undefined
      ? stage('published', published)
      : quality === 'failed'
        ? html`<div><dt>published</dt><dd class="zero">–<small>not published</small></dd></div>`
        : stage('to publish', read - duplicates - total - quarantined)
  }</dl>`;
}

function expectationTable({ expectations: results, joinKeys = [] }: ReportData, at: number): Markup {
  if (results.length === 0) {
    return html`<h3 id="v${at}-expectations">Expectations <small>none</small></h3><p class="soft">The view expects nothing of its data; add rules with <code>expect</code>.</p>`;
  }
  const held = results.filter(({ passed }) => passed).length;
  return html`<h3 id="v${at}-expectations">Expectations <small>${held} of ${results.length} hold</small></h3><div class="panel"><table class="rules"><thead><tr><th scope="col">Result</th><th scope="col">Expectation</th><th scope="col">Severity</th><th scope="col" class="number">Broken by</th><th scope="col" class="number">Observed</th></tr></thead><tbody>${results.map((result) => expectationRow(result, joinKeys))}</tbody></table></div>`;
}

function expectationRow(result: ExpectationResult, joinKeys: readonly string[]): Markup {
  const { expectation, severity, tolerate, passed, error, note = error?.reason } = result;
  const look = passed ? 'good' : severity === 'error' ? 'bad' : 'warn';
  return html`<tr><td><span class="pill ${look}">${passed ? 'holds' : error === undefined ? 'broken' : 'not judged'}</span></td><td><code>${ruleText(expectation)}</code>${
    tolerate !== 0 &&
    html` <span class="soft">tolerates ${typeof tolerate === 'number' ? formatShare(tolerate) : tolerate}</span>`
  }${note !== undefined && html`<br><span class="soft">${note}</span>`}</td><td data-label="severity">${severity}</td><td class="number" data-label="broken by">${brokenBy(result)}</td><td class="number" data-label="observed">${observed(result, joinKeys)}</td></tr>`;
}

function brokenBy({ rule, checked, failed, error }: ExpectationResult): string {
  if (error !== undefined) return '–';
  if (rule === 'row_count') return failed === 0 ? '–' : `off by ${formatNumber(failed)} rows`;
  if (isAboutAll(rule)) return '–';
  return checked === 0 ? 'no rows' : `${formatNumber(failed)} of ${formatNumber(checked)}`;
}

/** Rules about figures of all rows, which no single ones break. */
const isAboutAll = (rule: ExpectationResult['rule']): boolean =>
  ['mean_between', 'quantile_between', 'freshness', 'row_count_change', 'no_drift'].includes(rule);

function observed({ rule, columns, observed: seen }: ExpectationResult, joinKeys: readonly string[]): string {
  if (seen === null) return '–';
  if (rule === 'row_count' || rule === 'row_count_change')
    return `${typeof seen === 'number' ? formatNumber(seen) : seen} rows`;
  if (typeof seen === 'number') return isAboutAll(rule) ? formatNumber(seen) : formatShare(seen);
  const isKey = columns.some((column) => joinKeys.includes(column));
  return seen
    .split('..')
    .map((text) => (isKey ? text : shortNumber(text)))
    .join(' to ');
}

const shortNumber = (text: string): string => (Number.isNaN(Number(text)) ? text : formatNumber(Number(text)));

function sourceTable(source: ReportSource, report: ReportData, at: number): Markup {
  const { name, bytes, rows, cursor, columns, owner } = source;
  const { runId, startedAt, interval, registryVersion, transform } = report;
  const row = (label: string, value: Markup | string) => html`<tr><th scope="row">${label}</th><td>${value}</td></tr>`;
  const listed = columns
    .slice(0, reportLimits.sourceColumns)
    .map(
      ({ name: column, type }, index) =>
        html`${index > 0 && ', '}<code>${formatName(column)}</code> <span class="soft">${formatName(type)}</span>`,
    );
  const more = columns.length > listed.length && ` and ${formatNumber(columns.length - listed.length)} more`;
  const code = (field: 'file' | 'hash' | 'database' | 'table' | 'query') =>
    source[field] !== undefined && row(field, html`<code>${cutText(source[field], queryLetters)}</code>`);
  const size = `${bytes === undefined ? '' : `${formatBytes(bytes)}, `}${formatNumber(rows)} rows`;
  const range =
    cursor !== undefined &&
    row('read', html`<code>${cursor.column}</code> from ${cursor.from ?? 'the start'} to ${cursor.to ?? 'the end'}`);
  const definitions = [
    ...(registryVersion === undefined ? [] : [html`registry version ${String(registryVersion)}`]),
    ...(transform === undefined ? [] : [html`transform <code>${transform}</code>`]),
  ];
  return html`<h3 id="v${at}-source">Source and lineage</h3><div class="panel"><table class="source"><tbody>${row('name', name)}${code('file')}${code('database')}${code('table')}${code('query')}${range}${row('size', size)}${code('hash')}${row('columns', html`${listed}${more}`)}${owner !== undefined && row('owner', owner)}${row('run', html`<code>${runId}</code>, validated ${time(startedAt)}`)}${
    interval !== undefined && row('interval', intervalText(interval))
  }${definitions.length > 0 && row('definitions', html`${definitions.map((part, index) => html`${index > 0 && ', '}${part}`)}`)}</tbody></table></div>`;
}

const queryLetters = 2_000;

export const intervalText = ({ start, end }: NonNullable<ReportData['interval']>): string =>
  `${isTime(start) ? formatSecond(start) : start} to ${time(end)}`;
