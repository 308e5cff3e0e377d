import type { RunLogLine } from '../index.js';
import { printable } from './printable.js';

/**
 * Lines of a run's log for people, the worker named where it changes:
 * `2026-01-02 03:04:05 warn  clean driver_stats, attempt 2: failed … (failures 1)`
 */
export class LogPrinter {
  #worker = '';

  text(line: RunLogLine): string {
    const { at, level, step, view, attempt, worker, message, fields = {} } = line;
    const where = `${step}${view === undefined ? '' : ` ${view}`}${attempt > 1 ? `, attempt ${attempt}` : ''}`;
    const { stack, ...told } = fields;
    const known = Object.entries(told).map(([name, value]) => `${name} ${valueText(value)}`);
    if (worker !== this.#worker) known.push(`on ${worker}`);
    this.#worker = worker;
    const lines = [
      `${at.slice(0, 19).replace('T', ' ')} ${level.padEnd(5)} ${where}: ${message}`,
      ...(typeof stack === 'string' ? [stack] : []),
    ].join('\n');
    const [first = '', ...rest] = lines.split('\n');
    const head = known.length === 0 ? first : `${first} (${known.join(', ')})`;
    return [head, ...rest.map((more) => `    ${more.trim()}`)].map(printable).join('\n');
  }
}

const valueText = (value: unknown): string => {
  if (typeof value === 'number') return value.toLocaleString('en');
  return typeof value === 'string' ? value : JSON.stringify(value);
};

/** What `asof runs show` prints: the last lines. */
export function printLog(lines: readonly RunLogLine[]): void {
  const printer = new LogPrinter();
  for (const line of lines) console.log(printer.text(line));
}
