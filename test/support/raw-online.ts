import path from 'node:path';
import { entityKey } from '../../src/online-store/entity-key.js';
import { openEnvironment } from '../../src/online-store/lmdb-environment.js';
import { viewKeys } from '../../src/online-store/lmdb-keys.js';
import { encodeRow, type RowParts } from '../../src/online-store/row-codec.js';
import { storedSchema } from '../../src/online-store/stored-schema.js';
import type { TestStore } from './store.js';

/** Changes online rows of a view behind the store's back, past all rules, as a bug or a broken disk would. */
export class RawOnline {
  readonly #t: TestStore;
  readonly #view: string;

  constructor(t: TestStore, view: string) {
    this.#t = t;
    this.#view = view;
  }

  /** @param change gets the bytes that are stored; undefined = nothing, removes the row. */
  async change(user: number, change: (stored: Uint8Array | undefined) => Uint8Array | undefined): Promise<void> {
    const { database, release } = openEnvironment(path.join(this.#t.stateDir, 'online'));
    try {
      const { joinKeys } = await this.#t.table(this.#view);
      const at = viewKeys(this.#t.project, this.#view).row(entityKey(joinKeys, { user_id: user }));
      const next = change(database.getBinary(at));
      if (next === undefined) database.removeSync(at);
      else database.putSync(at, Buffer.from(next));
    } finally {
      await release();
    }
  }

  /** Puts a whole row. */
  async put(
    user: number,
    { at, made = null, values, ...parts }: { at: string; made?: string | null; values: unknown[] } & Partial<RowParts>,
  ): Promise<void> {
    const { features } = await this.#t.table(this.#view);
    const us = (time: string): bigint => BigInt(Date.parse(time)) * 1_000n;
    const row = encodeRow({
      generation: 1,
      committed: 1,
      reflects: 1,
      eventUs: us(at),
      createdUs: made === null ? null : us(made),
      ingestUs: 0n,
      position: 0,
      schema: storedSchema(features),
      values,
      ...parts,
    });
    await this.change(user, () => row);
  }
}
