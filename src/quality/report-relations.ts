import { html, type Markup } from './html.js';
import type { Correlations, MissingTogether } from './profile-types.js';
import { formatName, formatNumber, formatShare } from './report-format.js';

/** Coefficients as a table whose cells are coloured: the darker, the stronger. Columns are numbered, because names are long. */
export function correlationMap(
  { columns, outOf, rows, values }: Correlations,
  at: number,
  all: number,
): Markup | undefined {
  if (columns.length < 2) return undefined;
  const of = columns.length < outOf ? `, the first ${columns.length} of ${formatNumber(outOf)} number columns` : '';
  const over = rows < all ? `, over ${formatNumber(rows)} evenly spaced rows` : '';
  const cell = (r: number | null, i: number, j: number) => {
    const strength = r === null ? 0 : Math.round(Math.abs(r) * 5);
    const spoken = `${formatName(columns[i] ?? '')} and ${formatName(columns[j] ?? '')}: ${r === null ? 'not defined' : formatNumber(r)}`;
    return html`<td class="${r === null ? 'null' : `${r < 0 ? 'n' : 'p'}${strength}`}" title="${spoken}">${r === null ? '–' : short(r)}</td>`;
  };
  return html`<h3 id="v${at}-correlations">Correlations <small>Pearson${of}${over}</small></h3><div class="panel scroll" tabindex="0" role="region" aria-label="Correlations"><table class="heat"><thead><tr><td></td>${columns
    .slice(0, -1)
    .map(
      (name, j) => html`<th scope="col" title="${formatName(name)}">${j + 1}</th>`,
    )}</tr></thead><tbody>${columns.map(
    (name, i) =>
      html`<tr><th scope="row"><span class="soft">${i + 1}</span> ${formatName(name)}</th>${(values[i] ?? []).map((r, j) => cell(r, i, j))}</tr>`,
  )}</tbody></table></div>`;
}

/** Two figures; what is not exactly 1 never reads as 1. */
function short(r: number): string {
  const text = Math.abs(r) < 1 && Math.abs(r) > 0.995 ? (Math.sign(r) * 0.99).toFixed(2) : r.toFixed(2);
  return text
    .replace(/^-0\.00$/, '0.00')
    .replace('0.', '.')
    .replace('-', '−');
}

/** Which columns are missing in the same rows. */
export function missingSets({ columns, outOf, sets }: MissingTogether, at: number, rows: number): Markup | undefined {
  if (sets.length === 0 || outOf < 2) return undefined;
  const of =
    columns.length < outOf ? `the ${columns.length} columns most often missing, of ${formatNumber(outOf)}; ` : '';
  return html`<h3 id="v${at}-missing">Missing together <small>${of}the most frequent sets</small></h3><div class="panel"><table class="sets"><thead><tr><th scope="col" class="number">Rows</th><th scope="col" class="number">Share</th><th scope="col">Missing in them</th></tr></thead><tbody>${sets.map(
    (set) =>
      html`<tr><td class="number">${formatNumber(set.rows)}</td><td class="number">${formatShare(set.rows / rows)}</td><td>${set.columns.map((name, index) => html`${index > 0 && ', '}<code>${formatName(name)}</code>`)}</td></tr>`,
  )}</tbody></table></div>`;
}
