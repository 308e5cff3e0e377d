/**
 * Tells whether a batch may have been fetched before a moment. kafkajs fetches from each broker in turns: it asks, hands the batches
 * over, asks again. Whatever it hands over belongs to the turn of one of the brokers that is under way.
 */
export class FetchCycles {
  readonly #startedAt = new Map<number, { tick: number; seenAt: number }>();
  readonly #forgetAfterMs: number;
  #tick = 0;

  /** @param forgetAfterMs a broker that no turn began with for so long, while none was held up, is gone. */
  constructor(forgetAfterMs: number) {
    this.#forgetAfterMs = forgetAfterMs;
  }

  /** A moment to compare with later. */
  mark(): number {
    this.#tick += 1;
    return this.#tick;
  }

  began(nodeId: number): void {
    this.#startedAt.set(nodeId, { tick: this.mark(), seenAt: Date.now() });
  }

  /** A turn is held up on our side: none of them is given up meanwhile. */
  heldUp(): void {
    const now = Date.now();
    for (const turn of this.#startedAt.values()) turn.seenAt = now;
  }

  /** Whether every turn under way began after the moment. */
  allBeganAfter(mark: number): boolean {
    const oldest = Date.now() - this.#forgetAfterMs;
    for (const [nodeId, { seenAt }] of this.#startedAt) if (seenAt < oldest) this.#startedAt.delete(nodeId);
    return [...this.#startedAt.values()].every(({ tick }) => tick > mark);
  }
}
