import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Session, tempTable } from '../../../src/lake/index.js';
import { chiSquaredPpf, chiSquaredSf } from '../../../src/quality/drift/chi-squared.js';
import { compareColumn } from '../../../src/quality/drift/compare-column.js';
import { chiSquared, jensenShannon, stabilityFloor, stabilityIndex } from '../../../src/quality/drift/counts.js';
import { adjustPValues } from '../../../src/quality/drift/false-discovery.js';
import { kolmogorovSf } from '../../../src/quality/drift/kolmogorov.js';
import { ksPValue } from '../../../src/quality/drift/ks-two-sample.js';
import { countTenths, cumulated, scanNumbers } from '../../../src/quality/drift/number-scan.js';
import { countedValues, countSample, type Sample } from '../../../src/quality/drift/samples.js';
import { readValueCounts } from '../../../src/quality/drift/value-counts.js';
import { columnClass, type FileColumn } from '../../../src/quality/value-json.js';
import { withTempLake } from '../../support/lake.js';

/** Made by reference-values.py with scipy. */
interface ReferenceValues {
  readonly cases: readonly Case[];
  readonly tails: Readonly<Record<'chiSquaredSf' | 'chiSquaredPpf' | 'kolmogorovSf' | 'ksTwoSample', number[][]>> & {
    readonly falseDiscovery: readonly [number[], number[]][];
  };
}

interface Case {
  readonly name: string;
  readonly current: { readonly rows: number; readonly sql: string };
  readonly reference: { readonly rows: number; readonly sql: string };
  readonly distinct: number;
  readonly numbers?: {
    readonly ks: { readonly statistic: number; readonly pValue: number };
    readonly wasserstein: number | null;
    readonly psi: number;
    readonly psiFloor: number;
    readonly psiBins: number;
  };
  readonly values?: {
    readonly chiSquared: { readonly statistic: number; readonly pValue: number };
    readonly jensenShannon: number;
    readonly psi: number;
    readonly psiFloor: number;
  };
}

const { cases, tails } = JSON.parse(
  readFileSync(new URL('reference-values.json', import.meta.url), 'utf8'),
) as ReferenceValues;

/** Within 1e-6, of numbers above 1 of the number. */
function near(found: number | null | undefined, wanted: number, what: string): void {
  const off = Math.abs((found ?? Number.NaN) - wanted) / Math.max(1, Math.abs(wanted));
  expect(off, `${what}: ${found}, scipy ${wanted}`).toBeLessThan(1e-6);
}

let session: Session;
let close: () => void;
beforeAll(async () => {
  const temporary = await withTempLake();
  session = await temporary.lake.session();
  close = () => {
    session.close();
    temporary.close();
  };
});
afterAll(() => close());

describe('tail distributions', () => {
  const of = (rows: readonly number[][], compute: (...given: number[]) => number, what: string) => {
    expect(rows.length).toBeGreaterThan(10);
    for (const row of rows)
      near(compute(...row.slice(0, -1)), row.at(-1) ?? Number.NaN, `${what}(${row.slice(0, -1)})`);
  };
  it('chi-squared', () => {
    of(tails.chiSquaredSf, (x = 0, degrees = 0) => chiSquaredSf(x, degrees), 'sf');
    of(tails.chiSquaredPpf, (p = 0, degrees = 0) => chiSquaredPpf(p, degrees), 'ppf');
  });
  it('Kolmogorov', () => of(tails.kolmogorovSf, (n = 0, d = 0) => kolmogorovSf(n, d), 'sf'));
  it('two-sample Kolmogorov-Smirnov', () =>
    of(tails.ksTwoSample, (n = 0, m = 0, distance = 0) => ksPValue(n, m, BigInt(distance)), 'p'));
  it('Benjamini-Hochberg', () => {
    for (const [given, wanted] of tails.falseDiscovery)
      for (const [index, p] of adjustPValues(given).entries()) near(p, wanted[index] ?? Number.NaN, `of ${given}`);
  });
});

describe('statistics in SQL, against scipy', () => {
  it.each(cases.map((each) => [each.name, each] as const))(
    '%s',
    async (_, { current, reference, distinct, ...wanted }) => {
      const of = (sql: string): Sample => ({ from: () => `(${sql})`, values: [] });
      const samples = { current: of(current.sql), reference: of(reference.sql) };
      const [described] = await session.all<{ column_type: string }>(`DESCRIBE ${reference.sql}`);
      const column: FileColumn = { name: 'v', type: described?.column_type ?? '' };
      const total = { current: current.rows, reference: reference.rows };
      const counts = await Promise.all(
        [samples.current, samples.reference].map((sample) => countSample(session, sample, [column], {})),
      );
      expect(counts.map(({ rows, columns: [count] }) => [rows, count?.usable])).toEqual([
        [current.rows, current.rows],
        [reference.rows, reference.rows],
      ]);
      const largest = Math.max(...counts.map(({ columns: [count] }) => count?.largest ?? 0));
      const found = await compareColumn(session, { samples, column, total, largest, certainty: 0.95 });
      const isSmall = reference.rows <= 1_000;

      const isNumber = ['integer', 'float'].includes(columnClass(column.type));
      const counted = countedValues(samples, column);
      const scale = largest > 0 ? 2 ** Math.floor(Math.log2(largest)) : 1;
      await session.run(
        `CREATE OR REPLACE TEMP TABLE ${tempTable('counted')} AS ${isNumber ? cumulated(counted, scale) : counted}`,
      );
      if (wanted.numbers !== undefined && isNumber) {
        const { ks, wasserstein, psi, psiFloor, psiBins } = wanted.numbers;
        const scan = await scanNumbers(session, 'counted', total, {});
        near(Number(scan.ksDistance) / (current.rows * reference.rows), ks.statistic, 'KS statistic');
        near(ksPValue(current.rows, reference.rows, scan.ksDistance), ks.pValue, 'KS p-value');
        expect(scan.deviation === 0).toBe(wasserstein === null);
        if (wasserstein !== null) near(scan.wasserstein / scan.deviation, wasserstein, 'Wasserstein');
        const bins = await countTenths(session, 'counted', total, {});
        expect(bins).toHaveLength(psiBins);
        near(stabilityIndex(bins), psi, 'PSI');
        near(stabilityFloor(bins, 0.95), psiFloor, 'PSI floor');
        if (distinct > 5) {
          expect(found).toMatchObject({ kind: 'numeric', method: isSmall ? 'ks' : 'wasserstein' });
          if (isSmall) near(found.statistic, ks.statistic, 'by the rules');
          else if (wasserstein !== null) near(found.statistic, wasserstein, 'by the rules');
          if (isSmall) near(found.pValue, ks.pValue, 'by the rules');
          near(found.psi?.value, psi, 'PSI by the rules');
        }
      }
      if (wanted.values !== undefined) {
        const { chiSquared: test, jensenShannon: distance, psi, psiFloor } = wanted.values;
        const { counts: values } = await readValueCounts(session, 'counted', column, total, { inOrder: false });
        expect(values).toHaveLength(distinct);
        near(chiSquared(values).statistic, test.statistic, 'chi-squared');
        near(chiSquared(values).pValue, test.pValue, 'chi-squared p-value');
        near(jensenShannon(values), distance, 'Jensen-Shannon');
        near(stabilityIndex(values), psi, 'PSI of values');
        near(stabilityFloor(values, 0.95), psiFloor, 'PSI floor of values');
        if (!isNumber || distinct <= 5) {
          expect(found).toMatchObject({ method: isSmall ? 'chi_squared' : 'jensen_shannon' });
          near(found.statistic, isSmall ? test.statistic : distance, 'by the rules');
          if (isSmall) near(found.pValue, test.pValue, 'by the rules');
        }
      }
    },
  );
});
