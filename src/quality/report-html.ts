import type { ExpectationResult } from './expectation-result.js';
import { html, type Markup } from './html.js';
import { alerts } from './report-alerts.js';
import { columnCards } from './report-columns.js';
import type { ReportData, ReportSource } from './report-data.js';
import { formatBytes, formatNumber, formatSecond, formatShare, isTime } from './report-format.js';
import { reportStyle } from './report-style.js';

/** No script, no request, no frame: whatever a value of the data says, the page can do nothing but be read. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/** The report as one self-contained HTML page. */
export function renderReport(report: ReportData): string {
  const { project, view, source, notes } = report;
  const page = html`<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer"><title>${view} · ${statuses[report.quality].label} · ${project}</title>`;
  const body = html`</head><body><main>${header(report)}${flow(report)}${alerts(report)}${expectationTable(report.expectations)}${columnCards(report.profile)}${sourceTable(source)}${
    notes.length > 0 &&
    html`<h2>Notes</h2><div class="panel"><ul class="notes">${notes.map((note) => html`<li>${note}</li>`)}</ul></div>`
  }<footer>Run <code>${report.runId}</code>. report.json beside this page holds every figure unrounded.</footer></main></body></html>`;
  // The style sheet is ours and holds quotes and angle brackets that must stay as they are.
  return `<!doctype html>\n${page}<style>${reportStyle}</style>${body}\n`;
}

const statuses = {
  passed: { label: 'Passed', look: 'good' },
  warned: { label: 'Passed with warnings', look: 'warn' },
  failed: { label: 'Failed', look: 'bad' },
} as const;

function header({ project, view, pipeline, runId, workflowUrl, startedAt, quality, source }: ReportData): Markup {
  const { label, look } = statuses[quality];
  const run = isWebAddress(workflowUrl) ? html`<a href="${workflowUrl}" rel="noreferrer">${runId}</a>` : html`${runId}`;
  return html`<p class="kicker">${project} · data validation</p><div class="title"><h1>${view}</h1><span class="pill ${look}">${label}</span></div>
<div class="facts"><span>pipeline <b>${pipeline}</b></span><span>run <b class="mono">${run}</b></span><span>started <b>${time(startedAt)}</b></span><span>source <b>${source.name}</b></span></div>`;
}

/** A link may lead to a web page only; `javascript:` and its like stay plain text. */
const isWebAddress = (url: string | undefined): url is string => url !== undefined && /^https?:\/\//i.test(url);

const time = (iso: string): string => (isTime(iso) ? `${formatSecond(iso)} UTC` : iso);

function flow({ counts, quality }: ReportData): Markup {
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

function expectationTable(results: readonly ExpectationResult[]): Markup {
  if (results.length === 0) {
    return html`<h2>Expectations <small>none</small></h2><p class="soft">The view expects nothing of its data; add rules with <code>expect</code>.</p>`;
  }
  const held = results.filter(({ passed }) => passed).length;
  return html`<h2>Expectations <small>${held} of ${results.length} hold</small></h2><div class="panel"><table class="rules"><thead><tr><th>Result</th><th>Expectation</th><th>Severity</th><th class="number">Broken by</th><th class="number">Observed</th></tr></thead><tbody>${results.map(expectationRow)}</tbody></table></div>`;
}

function expectationRow(result: ExpectationResult): Markup {
  const { expectation, severity, tolerate, passed, note } = result;
  const look = passed ? 'good' : severity === 'error' ? 'bad' : 'warn';
  return html`<tr><td><span class="pill ${look}">${passed ? 'holds' : 'broken'}</span></td><td><code>${expectation}</code>${
    tolerate !== 0 &&
    html` <span class="soft">tolerates ${typeof tolerate === 'number' ? formatShare(tolerate) : tolerate}</span>`
  }${note !== undefined && html`<br><span class="soft">${note}</span>`}</td><td data-label="severity">${severity}</td><td class="number" data-label="broken by">${brokenBy(result)}</td><td class="number" data-label="observed">${observed(result)}</td></tr>`;
}

function brokenBy({ rule, checked, failed }: ExpectationResult): string {
  if (rule === 'row_count') return failed === 0 ? '–' : `off by ${formatNumber(failed)} rows`;
  if (isAboutAll(rule)) return '–';
  return checked === 0 ? 'no rows' : `${formatNumber(failed)} of ${formatNumber(checked)}`;
}

/** Rules about one figure, which no single rows break. */
const isAboutAll = (rule: ExpectationResult['rule']): boolean =>
  rule === 'mean_between' || rule === 'quantile_between' || rule === 'freshness' || rule === 'row_count_change';

function observed({ rule, observed: seen }: ExpectationResult): string {
  if (seen === null) return '–';
  if (rule === 'row_count' || rule === 'row_count_change')
    return `${typeof seen === 'number' ? formatNumber(seen) : seen} rows`;
  if (typeof seen === 'number') return isAboutAll(rule) ? formatNumber(seen) : formatShare(seen);
  return seen.split('..').map(shortNumber).join(' to ');
}

const shortNumber = (text: string): string => (Number.isNaN(Number(text)) ? text : formatNumber(Number(text)));

function sourceTable(source: ReportSource): Markup {
  const { name, bytes, rows, cursor, columns, owner } = source;
  const row = (label: string, value: Markup | string) => html`<tr><th scope="row">${label}</th><td>${value}</td></tr>`;
  const listed = columns.map(
    (column, index) => html`${index > 0 && ', '}<code>${column.name}</code> <span class="soft">${column.type}</span>`,
  );
  const code = (field: 'file' | 'hash' | 'database' | 'table' | 'query') =>
    source[field] !== undefined && row(field, html`<code>${source[field]}</code>`);
  const size = `${bytes === undefined ? '' : `${formatBytes(bytes)}, `}${formatNumber(rows)} rows`;
  const range =
    cursor !== undefined &&
    row('read', html`<code>${cursor.column}</code> from ${cursor.from ?? 'the start'} to ${cursor.to ?? 'the end'}`);
  return html`<h2>Source</h2><div class="panel"><table class="source"><tbody>${row('name', name)}${code('file')}${code('database')}${code('table')}${code('query')}${range}${row('size', size)}${code('hash')}${row('columns', html`${listed}`)}${owner !== undefined && row('owner', owner)}</tbody></table></div>`;
}
