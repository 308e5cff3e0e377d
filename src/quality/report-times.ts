import { eventTimestamp } from '../definitions/feature-table.js';
import { html, type Markup } from './html.js';
import type { Lateness } from './profile-types.js';
import type { ReportData } from './report-data.js';
import { formatNumber, formatSecond, formatSeconds, isTime } from './report-format.js';

/** How fresh the rows were when the run's interval ended, and how long after their events they were made. */
export function timesSection(report: ReportData, at: number): Markup | undefined {
  const { profile } = report;
  const newest = profile.columns.find(({ name }) => name === eventTimestamp)?.max;
  if (typeof newest !== 'string' || !isTime(newest) || !isTime(report.startedAt)) return undefined;
  const { lateness } = profile;
  const of = lateness !== undefined && lateness.rows < profile.rows && `, of ${formatNumber(lateness.rows)} rows`;
  return html`<h3 id="v${at}-times">Freshness${lateness !== undefined && ' and lateness'}</h3><div class="panel"><table class="source"><tbody><tr><th scope="row">newest event</th><td>${formatSecond(newest)} UTC, ${age(newest, report)}</td></tr>${
    lateness !== undefined && html`<tr><th scope="row">lateness</th><td>${latenessText(lateness)}${of}</td></tr>`
  }</tbody></table></div>`;
}

/** Of the interval's end where that is past, as the rule `freshness` has it. */
function age(newest: string, { interval, startedAt }: ReportData): string {
  const isPast = interval !== undefined && interval.end < startedAt;
  const [asOf, what] = isPast ? [interval.end, 'the interval ended'] : [startedAt, 'it was validated'];
  const seconds = (Date.parse(asOf) - Date.parse(newest)) / 1_000;
  return `${formatSeconds(Math.round(Math.abs(seconds)))} ${seconds < 0 ? 'after' : 'before'} ${what}`;
}

function latenessText({ min, p50, p95, p99, max }: Lateness): string {
  if (min === max) return `${span(min)} each`;
  return `median ${span(p50)}, 95% up to ${span(p95)}, 99% up to ${span(p99)}; from ${span(min)} to ${span(max)}`;
}

const span = (seconds: number): string => `${seconds < 0 ? '−' : ''}${formatSeconds(Math.abs(seconds))}`;
