import { html, type Markup } from './html.js';
import type { ColumnProfile, JsonValue, Profile } from './profile-types.js';
import {
  cutText,
  formatName,
  formatNumber,
  formatSecond,
  formatSeconds,
  formatShare,
  formatShort,
  formatValue,
  isTime,
} from './report-format.js';
import { histogram } from './report-histogram.js';

/** Below so many columns a list of links to them is longer than useful. */
const indexFrom = 9;

export interface ColumnPlace {
  /** Which view of the page it is. */
  readonly at: number;
  /** Columns that may have a card; the others get a line in a table. */
  readonly cards: number;
  /** Columns that alerts are about, marked in the list of links. */
  readonly odd: ReadonlySet<string>;
  /** Join keys: their numbers are names, shown as they are, and no measure of anything. */
  readonly keys: readonly string[];
}

/** A card per column, and links to them. */
export function columnCards({ rows, columns, quantilesAreApproximate }: Profile, place: ColumnPlace): Markup {
  const { at, cards, odd, keys } = place;
  const index =
    columns.length >= indexFrom &&
    html`<nav class="index" aria-label="Columns" tabindex="0">${columns.map(
      ({ name }, c) =>
        html`<a href="#v${at}-c${c}" class="${odd.has(name) && 'odd'}">${formatName(name)}${odd.has(name) && html`<span class="hidden"> (alert)</span>`}</a>`,
    )}</nav>`;
  const others = columns.slice(cards);
  return html`<h3 id="v${at}-columns">Columns <small>${formatNumber(columns.length)}, over ${formatNumber(rows)} rows${quantilesAreApproximate && '; quantiles are estimates'}</small></h3>${index}<div class="cards">${columns
    .slice(0, cards)
    .map((column, c) => card(column, { id: `v${at}-c${c}`, rows, isKey: keys.includes(column.name) }))}</div>${
    others.length > 0 && shortTable(others, place)
  }`;
}

function shortTable(columns: readonly ColumnProfile[], { at, cards: from, keys }: ColumnPlace): Markup {
  return html`<p class="soft">The other ${formatNumber(columns.length)} columns in short; report.json has all of them.</p><div class="panel scroll" tabindex="0" role="region" aria-label="Other columns"><table class="rows"><thead><tr><th scope="col">column</th><th scope="col">type</th><th scope="col" class="number">missing</th><th scope="col" class="number">distinct</th><th scope="col">min</th><th scope="col">max</th></tr></thead><tbody>${columns.map(
    ({ name, type, missing, distinct, min, max }, c) =>
      html`<tr id="v${at}-c${from + c}"><td>${formatName(name)}</td><td>${shortType(type)}</td><td class="number">${formatNumber(missing)}</td><td class="number">${formatNumber(distinct)}</td><td>${valueText(min, keys.includes(name))}</td><td>${valueText(max, keys.includes(name))}</td></tr>`,
  )}</tbody></table></div>`;
}

/** An id is looked up elsewhere, so it is neither rounded nor grouped. */
const valueText = (value: JsonValue, isKey: boolean): string =>
  isKey && typeof value === 'number' ? String(value) : formatValue(value);

interface CardPlace {
  readonly id: string;
  readonly rows: number;
  readonly isKey: boolean;
}

function card(column: ColumnProfile, { id, rows, isKey }: CardPlace): Markup {
  const { name, type, missing, missingRatio, distinct, distinctIsApproximate, nonFinite } = column;
  const isKeyLike = distinct === rows - missing && distinct > 1 && !distinctIsApproximate;
  return html`<section class="card" id="${id}"><header><h4>${formatName(name)}</h4><span class="mono">${shortType(type)}</span></header>
<div class="meta"><span class="${missing > 0 && 'warn'}"><b>${formatNumber(missing)}</b> missing${missing > 0 && ` (${formatShare(missingRatio)})`}</span><span><b>${distinctIsApproximate && '≈ '}${formatNumber(distinct)}</b> distinct${isKeyLike && ', all different'}</span>${
    nonFinite > 0 && html`<span class="warn"><b>${formatNumber(nonFinite)}</b> ${oddNumbers(column)}</span>`
  }</div>${missing > 0 && meter('missing', missingRatio)}
${distinct === 0 ? html`<p class="empty">No values.</p>` : html`${!isKey && histogram(column)}${figures(column, isKey)}${!isKey && html`${shape(column)}${quantiles(column)}`}${texts(column)}${gap(column)}${topValues(column, rows, isKey)}`}</section>`;
}

/** Of its NaN and infinite values, which there are. */
function oddNumbers({ nan, nonFinite }: ColumnProfile): string {
  if (nan === undefined) return 'NaN or infinite';
  if (nan === nonFinite) return 'NaN';
  return nan === 0 ? 'infinite' : `NaN or infinite (${formatNumber(nan)} NaN)`;
}

function shape({ mean, skewness, kurtosis, zeros, negatives, min, max }: ColumnProfile): Markup | undefined {
  if (mean === null || min === max || zeros === undefined) return undefined;
  return html`<dl class="figures">${figure('zeros', zeros)}${figure('negative', negatives ?? null)}${figure('skewness', moment(skewness))}${figure('kurtosis', moment(kurtosis))}</dl>`;
}

/** What rounding leaves of a zero is no figure worth reading. */
const moment = (value: number | null | undefined): JsonValue =>
  value === null || value === undefined ? '–' : Math.abs(value) < 1e-9 ? 0 : value;

function texts({ lengths, emptyTexts = 0 }: ColumnProfile): Markup | undefined {
  if (lengths === undefined) return undefined;
  const { min, mean, max } = lengths;
  return html`<p class="empty">${min === max ? `${formatNumber(max)} letters each` : `${formatNumber(min)} to ${formatNumber(max)} letters, ${formatNumber(mean)} on average`}${emptyTexts > 0 && `; ${formatNumber(emptyTexts)} empty`}.</p>`;
}

function gap({ largestGap }: ColumnProfile): Markup | undefined {
  if (largestGap === undefined) return undefined;
  const { seconds, from, to } = largestGap;
  return html`<p class="empty">Largest gap: ${formatSeconds(seconds)}, from ${formatSecond(from)} to ${formatSecond(to)}.</p>`;
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

function figures({ min, mean, max, stddev }: ColumnProfile, isKey: boolean): Markup | undefined {
  if (min === null && max === null) return undefined;
  if (mean === null || isKey) {
    const show = (value: JsonValue) =>
      isTime(value) ? formatSecond(String(value)) : cutText(valueText(value, isKey), 60);
    return html`<dl class="figures two">${pair('min', show(min))}${pair('max', show(max))}</dl>`;
  }
  return html`<dl class="figures">${figure('min', min)}${figure('mean', mean)}${figure('max', max)}${figure('std dev', stddev ?? '–')}</dl>`;
}

const quantileNames = {
  p01: '1%',
  p05: '5%',
  p25: '25%',
  p50: 'median',
  p75: '75%',
  p95: '95%',
  p99: '99%',
} as const;

function quantiles({ quantiles: q, min, max }: ColumnProfile): Markup | undefined {
  if (q === null || min === max) return undefined;
  const named = Object.entries(quantileNames).flatMap(([share, label]) => {
    const value = q[share as keyof typeof q];
    return value === undefined ? [] : [{ label, value }];
  });
  // Times are too long to stand side by side.
  if (named.some(({ value }) => isTime(value))) {
    return html`<dl class="pairs">${named.map(({ label, value }) => html`<dt>${label}</dt><dd>${formatSecond(String(value))}</dd>`)}</dl>`;
  }
  return html`<dl class="figures many">${named.map(({ label, value }) => pair(label, formatShort(Number(value))))}</dl>`;
}

function topValues({ topValues: top, distinct }: ColumnProfile, rows: number, isKey: boolean): Markup | undefined {
  const first = top[0];
  const show = (value: JsonValue): string => valueText(value, isKey);
  if (first === undefined) return undefined;
  if (first.count === 1 && top.length > 1) return html`<p class="empty">No value occurs twice${examplesOf(top)}.</p>`;
  if (distinct > 10 && first.count / rows < spreadBelow) {
    return html`<p class="empty">Most frequent: ${show(first.value)}, in ${formatNumber(first.count)} rows.</p>`;
  }
  const shown = top.filter(({ count }) => distinct <= 10 || count > 1).slice(0, distinct <= 10 ? 10 : 5);
  return html`<ul class="top"><li class="caption">${shown.length < distinct ? 'most frequent' : 'values'}</li>${shown.map(
    ({ value, count }) =>
      html`<li><span class="value" title="${cutText(show(value), valueLetters)}">${cutText(show(value), valueLetters)}</span>${meter('bar', count / rows)}<span class="count">${formatNumber(count)}</span></li>`,
  )}</ul>`;
}

const valueLetters = 120;

/** When no value takes this share of the rows, a list of the most frequent ones says nothing. */
const spreadBelow = 0.01;

function examplesOf(top: ColumnProfile['topValues']): string {
  const value = top[0]?.value;
  return typeof value === 'string' && !isTime(value) ? `, e.g. ${value.slice(0, 40)}` : '';
}
