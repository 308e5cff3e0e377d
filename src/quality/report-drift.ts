import type { ColumnDrift, DriftMethod, DriftResult } from './drift-result.js';
import { html, type Markup } from './html.js';
import type { Profile } from './profile-types.js';
import {
  formatName,
  formatNumber,
  formatShare,
  formatShort,
  formatTime,
  formatValue,
  isTime,
} from './report-format.js';
import { reportLimits } from './report-limits.js';

const methods: Readonly<Record<DriftMethod, string>> = {
  ks: 'Kolmogorov-Smirnov test',
  chi_squared: 'chi-squared test',
  wasserstein: 'Wasserstein distance',
  jensen_shannon: 'Jensen-Shannon distance',
};

/** How far the columns moved: a table of all, and both distributions drawn over each other. */
export function driftSection(results: readonly DriftResult[], { columns }: Profile, at: number): Markup {
  // An alert links to its column in the first reference it drifted against.
  const linked = new Set<string>();
  const place = new Map(columns.map(({ name }, index) => [name, index]));
  const anchor = ({ column, drifted }: ColumnDrift): string | undefined => {
    const index = place.get(column);
    if (!drifted || index === undefined || linked.has(column)) return undefined;
    linked.add(column);
    return `v${at}-d${index}`;
  };
  return html`${results.map((result, index) => comparison(result, index === 0 ? `v${at}-drift` : undefined, anchor))}`;
}

function comparison(
  { reference, referenceDetail, referenceRows, rows, columns }: DriftResult,
  id: string | undefined,
  anchor: (column: ColumnDrift) => string | undefined,
): Markup {
  const ordered = [...columns].sort((a, b) => Number(b.drifted) - Number(a.drifted));
  const drifted = ordered.filter((column) => column.drifted).length;
  const drawn = ordered.filter(({ overlay }) => overlay !== null).slice(0, reportLimits.overlays);
  const figures = drawn.map((column) => ({ column, figure: overlayFigure(column, anchor(column)) }));
  return html`<h3${id !== undefined && html` id="${id}"`}>Drift <small>against ${reference}: ${formatNumber(drifted)} of ${formatNumber(columns.length)} columns</small></h3>
<div class="panel"><p class="legend"><span><span class="key current"></span>this run, ${formatNumber(rows)} rows</span><span><span class="key reference"></span>${reference}, ${formatNumber(referenceRows)} rows</span><span class="soft">${formatName(referenceDetail)}</span></p>
<div class="scroll" tabindex="0" role="region" aria-label="Drift of the columns"><table class="rows drift"><thead><tr><th scope="col">Result</th><th scope="col">Column</th><th scope="col">Compared by</th><th scope="col" class="number">Statistic</th><th scope="col" class="number">Drifts when</th><th scope="col" class="number">PSI</th></tr></thead><tbody>${ordered.map(row)}</tbody></table></div></div>
<div class="cards">${figures.filter(({ column }) => column.drifted).map(({ figure }) => figure)}</div>${
    figures.some(({ column }) => !column.drifted) &&
    html`<details class="others"><summary>The distributions of columns that did not drift</summary><div class="cards">${figures
      .filter(({ column }) => !column.drifted)
      .map(({ figure }) => figure)}</div></details>`
  }`;
}

function row(column: ColumnDrift): Markup {
  const { drifted, method, statistic, psi, note } = column;
  const look = drifted ? 'warn' : method === null ? 'none' : 'good';
  const label = drifted ? 'drifted' : method === null ? 'not compared' : 'steady';
  return html`<tr><td><span class="pill ${look}">${label}</span></td><td><code>${formatName(column.column)}</code></td><td>${method === null ? '–' : methods[method]}${note !== undefined && html` <span class="soft">${note}</span>`}</td><td class="number">${statistic === null ? '–' : formatNumber(statistic)}</td><td class="number">${rule(column)}</td><td class="number">${psiText(psi)}</td></tr>`;
}

/** The bound, and for a test what is compared with it. */
function rule({ method, pValue, adjustedPValue, threshold }: ColumnDrift): string {
  if (method === null) return '–';
  if (pValue === null) return `at least ${formatNumber(threshold)}`;
  const p = adjustedPValue ?? pValue;
  return `p below ${formatNumber(threshold)}, is ${p < 1e-4 ? '< 0.0001' : formatNumber(p)}`;
}

/** What chance alone gives at these sizes is no move. */
const psiText = (psi: ColumnDrift['psi']): string =>
  psi === null ? '–' : `${formatNumber(psi.value)} (by chance ${formatNumber(psi.floor)})`;

function overlayFigure(column: ColumnDrift, id: string | undefined): Markup {
  const { overlay, drifted } = column;
  const drawing =
    overlay === null ? undefined : overlay.kind === 'bins' ? bins(column, overlay.bins) : values(overlay.values);
  return html`<section class="card"${id !== undefined && html` id="${id}"`}><header><h4>${formatName(column.column)}</h4>${drifted && html`<span class="pill warn">drifted</span>`}</header>${drawing}</section>`;
}

const width = 340;
const edge = 6;
const top = 18;
const base = 112;

type Bins = Extract<NonNullable<ColumnDrift['overlay']>, { kind: 'bins' }>['bins'];

/** Both histograms in one: the reference behind as broad bars, this run before it as narrow ones. */
function bins({ column }: ColumnDrift, all: Bins): Markup | undefined {
  const first = all[0];
  const last = all.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const most = Math.max(...all.flatMap(({ current, reference }) => [current, reference]), Number.MIN_VALUE);
  const step = (width - 2 * edge) / all.length;
  const bar = (share: number, at: number, inset: number, kind: string): Markup | undefined => {
    if (!(share > 0)) return undefined;
    const tall = Math.max(1.5, (share / most) * (base - top));
    return html`<rect class="${kind}" x="${round(edge + at * step + inset * step)}" y="${round(base - tall)}" width="${round(step * (1 - 2 * inset))}" height="${round(tall)}"/>`;
  };
  return html`<svg class="histogram" viewBox="0 0 ${width} ${base + 20}" role="img" aria-label="${formatName(column)}: shares of this run and of the reference, ${show(first.from)} to ${show(last.to)}">
<line class="grid" x1="${edge}" x2="${width - edge}" y1="${top}" y2="${top}"/><text x="${edge}" y="${top - 6}">${formatShare(Math.min(1, most))}</text>
${all.map(({ from, to, current, reference }, at) => html`<g>${bar(reference, at, 0.04, 'reference')}${bar(current, at, 0.26, 'current')}<title>${show(from)} to ${show(to)}: ${formatShare(current)} in this run, ${formatShare(reference)} in the reference</title></g>`)}
<line class="axis" x1="${edge}" x2="${width - edge}" y1="${base}" y2="${base}"/><text x="${edge}" y="${base + 15}">${show(first.from)}</text><text class="end" x="${width - edge}" y="${base + 15}">${show(last.to)}</text></svg>`;
}

type Values = Extract<NonNullable<ColumnDrift['overlay']>, { kind: 'values' }>['values'];

function values(all: Values): Markup {
  const most = Math.max(...all.flatMap(({ current, reference }) => [current, reference]), Number.MIN_VALUE);
  const bar = (kind: string, share: number) =>
    html`<rect class="${kind}" y="${kind === 'current' ? 0 : 5}" width="${round((share / most) * 100)}" height="4"/>`;
  return html`<ul class="top pairs-of">${all.map(({ value, current, reference }) => {
    const text = value === undefined ? 'all others' : formatName(formatValue(value));
    return html`<li><span class="value" title="${text}">${text}</span><svg viewBox="0 0 100 9" preserveAspectRatio="none" aria-hidden="true">${bar('current', current)}${bar('reference', reference)}</svg><span class="count">${formatShare(current)}<small> was ${formatShare(reference)}</small></span></li>`;
  })}</ul>`;
}

const show = (value: number | string): string =>
  typeof value === 'number' ? formatShort(value) : isTime(value) ? formatTime(value).slice(0, 16) : formatName(value);

const round = (value: number): number => Math.round(value * 100) / 100;
