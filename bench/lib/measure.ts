/** Times of one contestant, one entry per round, in seconds. */
export interface Measured {
  readonly wall: readonly number[];
  /** CPU time of this process: says more than wall time where other programs run too. */
  readonly cpu: readonly number[];
}

/**
 * Runs the contestants in turn, round after round, so that a slow minute of the machine hits all of them; the first round warms
 * caches and is not counted.
 */
export async function alternate<N extends string>(
  contestants: Readonly<Record<N, () => Promise<unknown>>>,
  rounds: number,
): Promise<Record<N, Measured>> {
  const names = Object.keys(contestants) as N[];
  const times = Object.fromEntries(
    names.map((name) => [name, { wall: [] as number[], cpu: [] as number[] }]),
  ) as Record<N, { wall: number[]; cpu: number[] }>;
  for (let round = 0; round <= rounds; round += 1) {
    for (const name of names) {
      const cpuBefore = process.cpuUsage();
      const before = performance.now();
      await contestants[name]();
      const wall = (performance.now() - before) / 1_000;
      const cpu = process.cpuUsage(cpuBefore);
      if (round === 0) continue;
      times[name].wall.push(wall);
      times[name].cpu.push((cpu.user + cpu.system) / 1_000_000);
    }
  }
  return times;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** Rounded to a tenth. */
export const quantile = (sorted: readonly number[], share: number): number =>
  Math.round((sorted[Math.floor((sorted.length - 1) * share)] ?? 0) * 10) / 10;

const seconds = (values: readonly number[]): string =>
  `${median(values).toFixed(2)} s (${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)})`;

/** One line per contestant: median, range, CPU, and each other one's median as a multiple. */
export function printTimes(
  title: string,
  times: Readonly<Record<string, Measured>>,
  unit?: { rows: number; name: string },
): void {
  console.log(title);
  for (const [name, { wall, cpu }] of Object.entries(times)) {
    const rate =
      unit === undefined ? '' : `  ${Math.round(unit.rows / median(wall)).toLocaleString('en')} ${unit.name}/s`;
    console.log(`  ${name.padEnd(34)} ${seconds(wall)}  cpu ${median(cpu).toFixed(2)} s${rate}`);
  }
}

/** How much longer `a` takes than `b`: medians of wall and CPU time. */
export const ratios = (a: Measured, b: Measured): { wall: number; cpu: number } => ({
  wall: median(a.wall) / median(b.wall),
  cpu: median(a.cpu) / median(b.cpu),
});
export function printRatio(what: string, a: Measured, b: Measured, wanted?: number): void {
  const { wall, cpu } = ratios(a, b);
  const judged = wanted === undefined ? '' : `  wanted <= ${wanted}: ${wall <= wanted ? 'holds' : 'MISSED'}`;
  console.log(`  ratio ${what}: ${wall.toFixed(2)} (cpu ${cpu.toFixed(2)})${judged}`);
}
