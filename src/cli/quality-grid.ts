import type { ExpectationStatus, QualityCell, QualityHistory, QualityRun } from '../index.js';
import { clock, intervalText } from './clock.js';
import { wrap } from './wrap.js';

/** One character each, so that colours only help; those of `asof intervals`, where they mean the same. */
const symbols: Readonly<Record<ExpectationStatus, string>> = {
  passed: '#',
  warned: 'w',
  failed: 'x',
  quarantined: 'q',
  error: 'e',
};

/** Terminal colours (SGR codes). */
const colours: Readonly<Record<ExpectationStatus, number>> = {
  passed: 32,
  warned: 33,
  failed: 31,
  quarantined: 33,
  error: 31,
};

const notJudged = '.';
const statuses = Object.keys(symbols) as ExpectationStatus[];

/** Where the text of an expectation is cut, so that twenty runs fit beside it in 80 columns. */
const textMax = 56;

export interface GridOptions {
  readonly coloured: boolean;
}

/** A line for each expectation, a character for each run, and below it since when it is not kept. */
export function drawQuality({ runs, expectations }: QualityHistory, { coloured }: GridOptions): string[] {
  const paint = (status: ExpectationStatus, text: string): string =>
    coloured ? `\u001b[${colours[status]}m${text}\u001b[0m` : text;
  const width = Math.min(textMax, Math.max(...expectations.map(({ expectation }) => expectation.length)));
  const lines = expectations.flatMap(({ expectation, rule, results }) => {
    const cells = runs.map(({ runId }) => {
      const result = results.find((one) => one.runId === runId);
      return result === undefined ? notJudged : paint(result.status, symbols[result.status]);
    });
    return [`${cut(expectation, width).padEnd(width)}  ${cells.join('')}`, ...newsOf(rule, results, runs)];
  });
  const seen = new Set(expectations.flatMap(({ results }) => results.map(({ status }) => status)));
  const isPartial = expectations.some(({ results }) => results.length < runs.length);
  const legend = [
    ...statuses.filter((status) => seen.has(status)).map((status) => `${paint(status, symbols[status])} ${status}`),
    ...(isPartial ? [`${notJudged} not judged`] : []),
  ];
  return [...lines, legend.join('   ')];
}

/** What the newest run that judged it says: how it is broken and since when, or what there is to know. */
function newsOf(rule: string, results: readonly QualityCell[], runs: readonly QualityRun[]): string[] {
  const newest = results.at(-1);
  if (newest === undefined) return [];
  if (newest.status === 'passed') return newest.note === null ? [] : wrapped(newest.note);
  if (newest.status === 'error') return wrapped(`error: ${newest.note ?? 'not judged'}`);
  const kept = results.findLastIndex(({ status }) => status === 'passed');
  const first = runs.find(({ runId }) => runId === results[kept + 1]?.runId);
  const since =
    first === undefined || kept < 0
      ? 'in all runs that judged it'
      : `since ${runText(first)} (run ${first.runId.slice(0, 8)})`;
  const note = newest.note === null ? '' : `, ${newest.note}`;
  return wrapped(`${newest.status} ${since}; now: ${figure(rule, newest)}${note}`);
}

function figure(rule: string, { checked, failed, observed }: QualityCell): string {
  if (rule.startsWith('row_count')) return `${checked.toLocaleString('en')} rows`;
  if (!aboutOneFigure.includes(rule)) return `${failed.toLocaleString('en')} of ${checked.toLocaleString('en')} rows`;
  return String(typeof observed === 'number' ? Number(observed.toPrecision(6)) : (observed ?? 'no value'));
}

const aboutOneFigure: readonly string[] = [
  'mean_between',
  'quantile_between',
  'missing_ratio',
  'freshness',
  'no_drift',
];

/** In lines of at most 80 columns, set in. */
const wrapped = (text: string): string[] => wrap(text.replace(/\s+/g, ' '), '    ', '    ', 80);

/** The run by its interval, or by when it was where it has none. */
export const runText = ({ interval, recordedAt }: QualityRun): string =>
  interval === null ? clock(recordedAt) : intervalText(interval);

const cut = (text: string, width: number): string => {
  const plain = text.replace(/\s+/g, ' ');
  return plain.length > width ? `${plain.slice(0, width - 1)}…` : plain;
};
