import { html, type Markup } from './html.js';
import type { Bin, ColumnProfile } from './profile-types.js';
import { formatName, formatNumber, formatSecond, isTime } from './report-format.js';

const width = 340;
const left = 6;
const right = width - 6;
const top = 18;
const base = 112;
/** Under the bars: the strip of quantiles, then the labels. */
const strip = base + 11;
const labels = base + 33;
const height = labels + 6;

/** A column's histogram with its quantiles beneath, as inline SVG without script; nothing for columns without one. */
export function histogram({ name, type, histogram: bins, quantiles }: ColumnProfile): Markup | undefined {
  const first = bins[0];
  const last = bins.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const most = Math.max(...bins.map(({ count }) => count));
  const isWhole = /INT/.test(type);
  const from = position(first.from);
  const to = position(last.to);
  // The bin of the whole number 5 reaches from 5 to 6, and its middle stands for it.
  const middle = isWhole ? 0.5 : 0;
  const place = (value: number | string) => left + ((position(value) + middle - from) / (to - from)) * (right - left);
  const spoken = `Histogram of ${formatName(name)}, ${show(first.from, bins)} to ${show(end(last, isWhole), bins)}, largest bin ${formatNumber(most)} rows`;
  return html`<svg class="histogram" viewBox="0 0 ${width} ${height}" role="img" aria-label="${spoken}">
<line class="grid" x1="${left}" x2="${right}" y1="${top}" y2="${top}"/><text x="${left}" y="${top - 6}">${formatNumber(most)} ${most === 1 ? 'row' : 'rows'}</text>
${bins.map((bin, index) => bar(bin, index, bins, most, isWhole))}
<line class="axis" x1="${left}" x2="${right}" y1="${base}" y2="${base}"/>
${quantiles !== null && to > from && bins.length > 1 ? quantileStrip(quantiles, place, bins) : undefined}
${axisLabels(bins, first, last, isWhole)}
</svg>`;
}

function bar(bin: Bin, index: number, bins: readonly Bin[], most: number, isWhole: boolean): Markup | undefined {
  if (bin.count === 0) return undefined;
  const step = bins.length === 1 ? 40 : (right - left) / bins.length;
  const start = bins.length === 1 ? (left + right) / 2 - step / 2 : left + index * step;
  // A bin with a single row must not look empty beside one with a million.
  const tall = Math.max(1.5, (bin.count / most) * (base - top));
  return html`<rect class="bar" x="${round(start + 0.75)}" y="${round(base - tall)}" width="${round(step - 1.5)}" height="${round(tall)}"><title>${binName(bin, bins, isWhole)}: ${formatNumber(bin.count)} rows</title></rect>`;
}

function quantileStrip(
  q: NonNullable<ColumnProfile['quantiles']>,
  place: (value: number | string) => number,
  bins: readonly Bin[],
): Markup {
  const x = Object.fromEntries(Object.entries(q).map(([share, value]) => [share, round(place(value))]));
  const spoken = `5%: ${show(q.p05, bins)}, 25%: ${show(q.p25, bins)}, median: ${show(q.p50, bins)}, 75%: ${show(q.p75, bins)}, 95%: ${show(q.p95, bins)}`;
  return html`<g class="quantiles"><title>${spoken}</title><line x1="${x['p05']}" x2="${x['p95']}" y1="${strip}" y2="${strip}"/><rect x="${x['p25']}" y="${strip - 4}" width="${round(Math.max(1, Number(x['p75']) - Number(x['p25'])))}" height="8" rx="2"/><line class="median" x1="${x['p50']}" x2="${x['p50']}" y1="${strip - 6}" y2="${strip + 6}"/></g>`;
}

function axisLabels(bins: readonly Bin[], first: Bin, last: Bin, isWhole: boolean): Markup {
  if (bins.length === 1) {
    return html`<text class="middle" x="${width / 2}" y="${labels}">${show(first.from, bins)}</text>`;
  }
  const half = bins.length % 2 === 0 ? bins[bins.length / 2] : undefined;
  // Three times of day don't fit side by side.
  const middle = half !== undefined && show(half.from, bins).length <= middleLetters ? half : undefined;
  return html`<text x="${left}" y="${labels}">${show(first.from, bins)}</text>${
    middle !== undefined && html`<text class="middle" x="${width / 2}" y="${labels}">${show(middle.from, bins)}</text>`
  }<text class="end" x="${right}" y="${labels}">${show(end(last, isWhole), bins)}</text>`;
}

const middleLetters = 10;

function binName(bin: Bin, bins: readonly Bin[], isWhole: boolean): string {
  const to = end(bin, isWhole);
  return bin.from === to ? show(bin.from, bins) : `${show(bin.from, bins)} to ${show(to, bins)}`;
}

/** The last whole number in a bin, because "5 to 6" for the bin that holds only 5 would mislead. */
const end = ({ to }: Bin, isWhole: boolean): number | string => (isWhole && typeof to === 'number' ? to - 1 : to);

const position = (value: number | string): number => (isTime(value) ? Date.parse(String(value)) : Number(value));
const round = (value: number): number => Math.round(value * 100) / 100;

/** Times over many days read better without their hours. */
function show(value: number | string, bins: readonly Bin[]): string {
  const span = position(bins.at(-1)?.to ?? value) - position(bins[0]?.from ?? value);
  // What is left of a zero after adding and subtracting bins is no figure worth reading.
  if (typeof value === 'number') return formatNumber(Math.abs(value) < span * 1e-9 ? 0 : value);
  // Whole numbers beyond 2^53 come as text.
  if (!isTime(value)) return formatNumber(Number(value));
  if (span > 20 * 86_400_000) return value.slice(0, value.indexOf('T'));
  return span > 3 * 3_600_000 ? formatSecond(value.replace(/:\d\d(\.\d+)?Z$/, ':00Z')) : formatSecond(value);
}
