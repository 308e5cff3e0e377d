import { html, type Markup } from './html.js';
import type { ColumnProfile, JsonValue, Profile } from './profile-types.js';
import { formatNumber, formatSecond, formatShare, formatShort, formatValue, isTime } from './report-format.js';
import { histogram } from './report-histogram.js';

/** Below so many columns a list of links to them is longer than useful. */
const indexFrom = 9;

/** A card per column. */
export function columnCards({ rows, columns, quantilesAreApproximate }: Profile): Markup {
  const index =
    columns.length >= indexFrom &&
    html`<nav class="index" aria-label="Columns">${columns.map(({ name }, at) => html`<a href="#column-${at}">${name}</a>`)}</nav>`;
  return html`<h2>Columns <small>${formatNumber(columns.length)}, over ${formatNumber(rows)} rows${quantilesAreApproximate && '; quantiles are estimates'}</small></h2>${index}<div class="cards">${columns.map(
    (column, at) => card(column, at, rows),
  )}</div>`;
}

function card(column: ColumnProfile, at: number, rows: number): Markup {
  const { name, type, missing, missingRatio, distinct, distinctIsApproximate, nonFinite } = column;
  const isKeyLike = distinct === rows - missing && distinct > 1 && !distinctIsApproximate;
  return html`<section class="card" id="column-${at}"><header><h3>${name}</h3><span class="mono">${shortType(type)}</span></header>
<div class="meta"><span class="${missing > 0 && 'warn'}"><b>${formatNumber(missing)}</b> missing${missing > 0 && ` (${formatShare(missingRatio)})`}</span><span><b>${distinctIsApproximate && '≈ '}${formatNumber(distinct)}</b> distinct${isKeyLike && ', all different'}</span>${
    nonFinite > 0 && html`<span class="warn"><b>${formatNumber(nonFinite)}</b> NaN or infinite</span>`
  }</div>${missing > 0 && meter('missing', missingRatio)}
${distinct === 0 ? html`<p class="empty">No values.</p>` : html`${histogram(column)}${figures(column)}${quantiles(column)}${topValues(column, rows)}`}</section>`;
}

/** A share as a bar; SVG, because its width is an attribute and needs no inline style. */
const meter = (kind: string, share: number): Markup =>
  html`<svg class="${kind}" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect width="${Math.max(0.5, Math.round(share * 1000) / 10)}" height="4"/></svg>`;

const shortType = (type: string): string => type.replace('TIMESTAMP WITH TIME ZONE', 'TIMESTAMPTZ');

const pair = (label: string, value: string): Markup => html`<div><dt>${label}</dt><dd>${value}</dd></div>`;

/** Four figures share a line, so long ones are shortened; report.json has them whole. */
const figure = (label: string, value: JsonValue): Markup => {
  const whole = formatValue(value);
  return pair(label, typeof value === 'number' && whole.length > figureLetters ? formatShort(value) : whole);
};
const figureLetters = 9;

function figures({ min, mean, max, stddev }: ColumnProfile): Markup | undefined {
  if (min === null && max === null) return undefined;
  if (mean === null) {
    const show = (value: JsonValue) => (isTime(value) ? formatSecond(String(value)) : formatValue(value));
    return html`<dl class="figures two">${pair('min', show(min))}${pair('max', show(max))}</dl>`;
  }
  return html`<dl class="figures">${figure('min', min)}${figure('mean', mean)}${figure('max', max)}${figure('std dev', stddev ?? '–')}</dl>`;
}

const quantileNames = { p05: '5%', p25: '25%', p50: 'median', p75: '75%', p95: '95%' } as const;

function quantiles({ quantiles: q, min, max }: ColumnProfile): Markup | undefined {
  if (q === null || min === max) return undefined;
  const named = Object.entries(quantileNames).map(([share, label]) => ({ label, value: q[share as keyof typeof q] }));
  // Times are too long to stand side by side.
  if (named.some(({ value }) => isTime(value))) {
    return html`<dl class="pairs">${named.map(({ label, value }) => html`<dt>${label}</dt><dd>${formatSecond(String(value))}</dd>`)}</dl>`;
  }
  return html`<dl class="figures five">${named.map(({ label, value }) => pair(label, formatShort(Number(value))))}</dl>`;
}

function topValues({ topValues: top, distinct }: ColumnProfile, rows: number): Markup | undefined {
  const first = top[0];
  if (first === undefined) return undefined;
  if (first.count === 1 && top.length > 1) return html`<p class="empty">No value occurs twice${examplesOf(top)}.</p>`;
  if (distinct > 10 && first.count / rows < spreadBelow) {
    return html`<p class="empty">Most frequent: ${formatValue(first.value)}, in ${formatNumber(first.count)} rows.</p>`;
  }
  const shown = top.filter(({ count }) => distinct <= 10 || count > 1).slice(0, distinct <= 10 ? 10 : 5);
  return html`<ul class="top"><li class="caption">${shown.length < distinct ? 'most frequent' : 'values'}</li>${shown.map(
    ({ value, count }) =>
      html`<li><span class="value" title="${formatValue(value)}">${formatValue(value)}</span>${meter('bar', count / rows)}<span class="count">${formatNumber(count)}</span></li>`,
  )}</ul>`;
}

/** When no value takes this share of the rows, a list of the most frequent ones says nothing. */
const spreadBelow = 0.01;

function examplesOf(top: ColumnProfile['topValues']): string {
  const value = top[0]?.value;
  return typeof value === 'string' && !isTime(value) ? `, e.g. ${value.slice(0, 40)}` : '';
}
