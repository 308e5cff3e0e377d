import { html, type Markup } from './html.js';
import { alertList } from './report-alert-list.js';
import { alertsOf } from './report-alerts.js';
import type { ReportData } from './report-data.js';
import { formatName, formatNumber } from './report-format.js';
import { reportLimits } from './report-limits.js';
import { reportStyle } from './report-style.js';
import { flow, intervalText, time, verdicts, viewSection } from './report-view.js';

/** No script, no request, no frame: whatever a value of the data says, the page can do nothing but be read. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/**
 * The report of a run as one self-contained HTML page: what a reader must see first at the top, then every view.
 * @param reports one for each view, at least one.
 */
export function renderReport(reports: readonly ReportData[]): string {
  const ordered = pageOrder(reports);
  const [worst] = ordered;
  if (worst === undefined) throw new Error('a page needs a report');
  const { project, pipeline } = worst;
  const { label, look } = verdicts[worst.quality];
  const page = html`<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer"><title>${pipeline} · ${label} · ${project}</title>`;
  let cards: number = reportLimits.cards;
  const views = ordered.map((report, at) => {
    const section = viewSection(report, { at, cards, isOnly: ordered.length === 1 });
    cards = Math.max(0, cards - report.profile.columns.length);
    return section;
  });
  const body = html`</head><body><main><p class="kicker">${project} · data validation</p><div class="title"><h1>${formatName(pipeline)}</h1><span class="pill ${look}">${label}</span></div>${facts(ordered)}${
    ordered.some(({ isRecovered }) => isRecovered) &&
    html`<p class="soft recovered">The report’s own files are gone. This is what the lake keeps of it: without sample rows and values of join keys.</p>`
  }${ordered.length === 1 ? flow(worst) : overview(ordered)}${alertList(ordered)}${views}<footer>Run <code>${worst.runId}</code>. report.json in the folder of each view beside this page holds every figure unrounded.</footer></main></body></html>`;
  // The style sheet is ours and holds quotes and angle brackets that must stay as they are.
  return `<!doctype html>\n${page}<style>${reportStyle}</style>${body}\n`;
}

/** The worst first, as on the page. */
export const pageOrder = (reports: readonly ReportData[]): ReportData[] =>
  [...reports].sort((a, b) => gravity(a) - gravity(b) || (a.view < b.view ? -1 : 1));

/** Where a view begins on the page of these: a fragment of its address. */
export const viewAnchor = (reports: readonly ReportData[], view: string): string =>
  `#v${pageOrder(reports).findIndex((report) => report.view === view)}`;

const gravity = ({ quality }: ReportData): number => ['failed', 'warned', 'passed'].indexOf(quality);

function facts(reports: readonly ReportData[]): Markup {
  const { runId, workflowUrl, interval, registryVersion, view, source } = reports[0] as ReportData;
  const startedAt = reports.map((report) => report.startedAt).sort()[0] ?? '';
  const run = isWebAddress(workflowUrl) ? html`<a href="${workflowUrl}" rel="noreferrer">${runId}</a>` : html`${runId}`;
  return html`<div class="facts"><span>${
    reports.length > 1 ? html`views <b>${String(reports.length)}</b>` : html`view <b>${formatName(view)}</b>`
  }</span>${reports.length === 1 && source !== undefined && html`<span>source <b>${formatName(source.name)}</b></span>`}<span>run <b class="mono">${run}</b></span><span>validated <b>${time(startedAt)}</b></span>${
    interval !== undefined && html`<span>interval <b>${intervalText(interval)}</b></span>`
  }${registryVersion !== undefined && html`<span>registry <b>version ${String(registryVersion)}</b></span>`}</div>`;
}

/** A link may lead to a web page only; `javascript:` and its like stay plain text. */
const isWebAddress = (url: string | undefined): url is string => url !== undefined && /^https?:\/\//i.test(url);

function overview(reports: readonly ReportData[]): Markup {
  const row = (report: ReportData, at: number) => {
    const { view, quality, counts, profile, expectations, drift = [] } = report;
    const broken = expectations.filter(({ passed }) => !passed).length;
    const drifted = new Set(
      drift.flatMap(({ columns }) => columns.filter((one) => one.drifted).map((one) => one.column)),
    );
    const number = (label: string, text: string) => html`<td class="number" data-label="${label}">${text}</td>`;
    return html`<tr><td><span class="pill ${verdicts[quality].look}">${verdicts[quality].label}</span></td><td><a href="#v${at}">${formatName(view)}</a></td>${number('rows read', counts === undefined ? '–' : formatNumber(counts.read))}${number(
      'to publish',
      quality === 'failed' ? 'none' : counts === undefined ? '–' : formatNumber(counts.published ?? profile.rows),
    )}${number('expectations', `${formatNumber(broken)} of ${formatNumber(expectations.length)} broken`)}${number('drifted', drift.length === 0 ? '–' : formatNumber(drifted.size))}${number('notes', formatNumber(alertsOf(report).length))}</tr>`;
  };
  return html`<h2>Views <small>${String(reports.length)}</small></h2><div class="panel"><table class="rules"><thead><tr><th scope="col">Result</th><th scope="col">View</th><th scope="col" class="number">Rows read</th><th scope="col" class="number">To publish</th><th scope="col" class="number">Expectations</th><th scope="col" class="number">Drifted</th><th scope="col" class="number">Notes</th></tr></thead><tbody>${reports.map(row)}</tbody></table></div>`;
}
