import { limits } from '../config.js';
import type { Expectation } from '../definitions/expectations.js';
import { id, lit } from '../lake/index.js';
import type { Finding } from './expectation-result.js';
import { columnClass, type FileColumn, typeOf } from './value-json.js';

/** SQL, by name, of the figures that a rule about a whole column is judged by. The file is `s`. */
export function columnFigures(e: Expectation, found: readonly FileColumn[]): Record<string, string> {
  if (!('column' in e)) return {};
  const column = `s.${id(e.column)}`;
  const type = typeOf(found, e.column);
  switch (e.rule) {
    case 'missing_ratio':
      return { missing: `count(*) - count(${column})` };
    case 'mean_between':
      // As doubles: a sum of BIGINT would be exact, but its quotient is a double all the same.
      return { values: `count(${column})`, mean: `avg(${column}::DOUBLE)`, odd: oddValues(column, type) };
    case 'quantile_between':
      return {
        values: `count(${column})`,
        quantile: `quantile_cont(${column}::DOUBLE, ${e.quantile}::DOUBLE)`,
        odd: oddValues(column, type),
      };
    case 'freshness': {
      // One time dated in the future by mistake would make the oldest data look fresh.
      const due = new Date(Date.now() + limits.allowedClockSkewMs).toISOString().replace('T', ' ').replace('Z', '');
      const future = `${column} > ${lit(due)}::${type}`;
      return {
        newest: `epoch_ms(max(${column}) FILTER (WHERE isfinite(${column}) AND NOT ${future}))`,
        future: `count(*) FILTER (WHERE isfinite(${column}) AND ${future})`,
      };
    }
    default:
      return {};
  }
}

const oddValues = (column: string, type: string): string =>
  columnClass(type) === 'float' ? `count(*) FILTER (WHERE NOT isfinite(${column}))` : '0';

/** @param figure what {@link columnFigures} asked for. */
export function judgeColumn(
  e: Expectation,
  rows: number,
  figure: (name: string) => unknown,
  asOf: Date,
): Finding | undefined {
  const number = (name: string): number => Number(figure(name) ?? 0);
  switch (e.rule) {
    case 'row_count': {
      const off = Math.max(e.min - rows, rows - e.max, 0);
      return { failed: off, observed: rows };
    }
    case 'missing_ratio': {
      const share = rows === 0 ? null : number('missing') / rows;
      return { failed: number('missing'), observed: share, passed: share === null || share < e.below };
    }
    case 'mean_between':
      return judgeFigure(e, 'mean', figure);
    case 'quantile_between':
      return judgeFigure(e, 'quantile', figure);
    case 'freshness': {
      const ahead = number('future');
      const newest = figure('newest') == null ? undefined : new Date(number('newest'));
      if (newest === undefined && ahead === 0) return nothing(e.column);
      const passed = newest !== undefined && asOf.getTime() - newest.getTime() <= e.atMostMs;
      const future = ahead === 0 ? '' : `; dated in the future, which counts for nothing: ${ahead} rows`;
      return {
        ...figureFinding(newest?.toISOString() ?? null, passed),
        note: `judged as of ${asOf.toISOString()}${future}`,
      };
    }
    default:
      return undefined;
  }
}

function judgeFigure(
  e: { readonly column: string; readonly min: number; readonly max: number },
  name: string,
  figure: (name: string) => unknown,
): Finding {
  if (Number(figure('values') ?? 0) === 0) return nothing(e.column);
  const seen = figure(name) as number;
  const odd = Number(figure('odd') ?? 0);
  // NaN is in no range: what can't be told to be in bounds is not.
  const finding = figureFinding(Number.isFinite(seen) ? seen : String(seen), seen >= e.min && seen <= e.max);
  return odd === 0 ? finding : { ...finding, note: `${odd} of the values are NaN or infinite` };
}

const figureFinding = (observed: string | number | null, passed: boolean): Finding => ({
  failed: passed ? 0 : 1,
  observed,
  passed,
});

const nothing = (column: string): Finding => ({
  failed: 0,
  observed: null,
  passed: true,
  note: `${column} has no values, so there is nothing to judge`,
});
