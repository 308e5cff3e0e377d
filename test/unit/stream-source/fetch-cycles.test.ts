import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FetchCycles } from '../../../src/stream-source/fetch-cycles.js';

describe('FetchCycles', () => {
  let cycles: FetchCycles;
  beforeEach(() => {
    vi.useFakeTimers();
    cycles = new FetchCycles(1_000);
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('a turn that began before a moment may bring what was fetched before it', () => {
    cycles.began(1);
    const mark = cycles.mark();
    expect(cycles.allBeganAfter(mark)).toBe(false);
    cycles.began(1);
    expect(cycles.allBeganAfter(mark)).toBe(true);
  });

  test('of several brokers every one must have begun anew', () => {
    cycles.began(1);
    cycles.began(2);
    const mark = cycles.mark();
    cycles.began(1);
    cycles.began(1);
    expect(cycles.allBeganAfter(mark)).toBe(false);
    cycles.began(2);
    expect(cycles.allBeganAfter(mark)).toBe(true);
  });

  test('a broker that is gone is forgotten, one that is held up is not', () => {
    cycles.began(1);
    cycles.began(2);
    const mark = cycles.mark();
    cycles.began(1);
    vi.advanceTimersByTime(900);
    cycles.heldUp();
    vi.advanceTimersByTime(900);
    expect(cycles.allBeganAfter(mark)).toBe(false);
    cycles.began(1);
    vi.advanceTimersByTime(200);
    expect(cycles.allBeganAfter(mark)).toBe(true);
  });
});
