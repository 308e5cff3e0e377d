import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Proof, prove, type Trouble } from '../support/proof-run.js';
import { lacks } from '../support/services.js';
import { startTemporal, type TestTemporal } from '../support/temporal.js';

const isLong = process.env['ASOF_TEST_LONG'] === '1';
const seed = Number(process.env['ASOF_TEST_SEED'] ?? 20_240_601);

const short: Trouble[] = ['kill one', 'stop the broker', 'kill two'];
const long: Trouble[] = [
  ...['kill one', 'leave and join', 'stop the broker', 'kill two', 'pause', 'kill one', 'kill the broker'],
  ...['kill two', 'leave and join', 'kill one', 'stop the broker', 'pause', 'kill two', 'kill one'],
] as Trouble[];
const size = isLong ? { count: 200_000, troubles: long } : { count: 40_000, troubles: short };

/**
 * Four partitions, three workers, a real broker: workers are killed with SIGKILL, members join and leave, the broker is stopped and
 * started, while bad, late, doubled and huge events come in. ASOF_TEST_LONG=1: the long form, twice; ASOF_TEST_SEED: another one.
 */
describe.skipIf(lacks('kafka'))(`a stream under trouble, ${size.count} events, seed ${seed}`, () => {
  let temporal: TestTemporal;
  beforeAll(async () => {
    temporal = await startTemporal();
  });
  afterAll(() => temporal.close());

  const run = async (): Promise<Proof> => {
    const startedAt = Date.now();
    const proof = await prove(temporal, { seed, ...size });
    const { rows, deadLetters, reasons, online, summary, digest } = proof;
    const seconds = Math.round((Date.now() - startedAt) / 1_000);
    const attempts = summary.steps[0]?.attempts;
    console.log(JSON.stringify({ seconds, attempts, rows, deadLetters, online, digest: digest.slice(0, 12), reasons }));
    return proof;
  };

  it('every event is once in history or in dead letters, the newest of each key is online', async () => {
    const first = await run();
    expectRight(first);
    if (!isLong) return;
    const second = await run();
    expectRight(second);
    expect(second.digest).toBe(first.digest);
  }, 3_600_000);

  function expectRight({ wrong, rows, deadLetters, state, summary, again }: Proof): void {
    expect(wrong).toEqual([]);
    expect(rows + deadLetters).toBe(size.count);
    expect(deadLetters).toBeGreaterThan(size.count / 50);
    // What the run tells of itself is the same, however often its workers died.
    expect(summary.published).toBe(rows);
    expect(summary.steps[0]).toMatchObject({ rowsIn: size.count, rowsOut: rows });
    expect(state.counts).toMatchObject({ read: size.count, written: rows, deadLetters, dropped: 0 });
    expect(again).toMatchObject({ status: 'completed', published: 0, steps: [{ rowsIn: 0 }] });
  }
});
