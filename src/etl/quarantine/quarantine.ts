import { DefinitionError } from '../../errors.js';
import type { SqlValue, StatementOptions } from '../../lake/index.js';
import { quarantinedRows } from '../../quality/index.js';
import type { EtlContext } from '../etl-context.js';
import { dropRows } from './drop.js';
import {
  findQuarantined,
  type ListOptions,
  listQuarantined,
  type QuarantinedRow,
  type QuarantineList,
} from './find-rows.js';
import { type ReleasedView, releaseRows, type StillHeld } from './release.js';
import { checkSelection, type QuarantineSelection, whereSelected } from './selection.js';

export interface QuarantineContext extends Pick<EtlContext, 'lake' | 'offline'> {
  /** The context of a view. @throws DefinitionError when it is unknown or not applied. */
  viewContext(view: string): Promise<EtlContext>;
  /** @throws DefinitionError when the loaded definitions are not the applied ones. */
  requireApplied(): Promise<unknown>;
}

export interface DecideOptions extends StatementOptions {
  /** Why, in the words of the person who decides; kept with each row. */
  readonly reason?: string | undefined;
}

export interface ReleaseOptions extends DecideOptions {
  /** Judge the rows by the view's rules of now, and release only those that keep them. */
  readonly recheck?: boolean | undefined;
}

/** What became of rows that were meant. `notHeld`: named by id, but decided about before. */
export interface Released {
  readonly released: number;
  readonly views: readonly ReleasedView[];
  readonly stillHeld: readonly StillHeld[];
  readonly notHeld: readonly QuarantinedRow[];
}

export interface Dropped {
  readonly dropped: number;
  readonly notHeld: readonly QuarantinedRow[];
}

/** What of a selection is held, by view. */
export interface HeldRows {
  readonly held: number;
  readonly views: readonly { readonly view: string; readonly rows: number }[];
  readonly notHeld: readonly QuarantinedRow[];
}

/** The rows that quarantine rules set aside: to look at, to put into the history after all, or to let go. */
export class Quarantine {
  readonly #context: QuarantineContext;

  constructor(context: QuarantineContext) {
    this.#context = context;
  }

  /** Rows set aside, the newest first, and how many there are of each kind. */
  list(options: ListOptions = {}): Promise<QuarantineList> {
    return listQuarantined(this.#context.lake, options);
  }

  /** Single rows. @throws DefinitionError for an id that is nobody's, or the beginning of several. */
  show(ids: readonly string[]): Promise<QuarantinedRow[]> {
    return findQuarantined(this.#context.lake, ids);
  }

  /** What a release or a drop of these rows would be about. */
  async held(selection: QuarantineSelection): Promise<HeldRows> {
    const { where, values, notHeld } = await this.#select(selection);
    const views = await this.#heldByView(where, values);
    return { held: views.reduce((sum, { rows }) => sum + rows, 0), views, notHeld };
  }

  /**
   * Puts rows into the history of their views as they are: a person waives the rules they broke. Each view's rows and the note that
   * they were released commit together; the next materialize brings them online, like any late row. Rows that are in the history
   * already are not written again; rows that no longer fit their view stay held.
   * @param selection an empty one means all that is held.
   */
  async release(
    selection: QuarantineSelection,
    { reason, recheck = false, signal }: ReleaseOptions = {},
  ): Promise<Released> {
    await this.#context.requireApplied();
    const { where, values, notHeld } = await this.#select(selection);
    const views: ReleasedView[] = [];
    for (const { view, rows } of await this.#heldByView(where, values)) {
      const context = await this.#context.viewContext(view).catch((error: unknown) => {
        if (error instanceof DefinitionError) return error;
        throw error;
      });
      if (context instanceof DefinitionError) {
        const why = `${context.message}, so it has no history to put them into`;
        views.push({ ...nothing, view, stillHeld: [{ view, why, rows, ids: [] }] });
        continue;
      }
      const ofView = `${where} AND view_name = $${values.length + 1}`;
      views.push(
        await releaseRows(context, { view, where: ofView, values: [...values, view], reason, recheck, signal }),
      );
    }
    return {
      released: views.reduce((sum, { released }) => sum + released, 0),
      views,
      stillHeld: views.flatMap(({ stillHeld }) => stillHeld),
      notHeld,
    };
  }

  /**
   * Lets rows go for good: the rows themselves are removed, and stay only in snapshots of the past until upkeep expires those.
   * @param selection an empty one means all that is held.
   */
  async drop(selection: QuarantineSelection, { reason, signal }: DecideOptions = {}): Promise<Dropped> {
    const { where, values, notHeld } = await this.#select(selection);
    const { dropped } = await dropRows(this.#context.lake, { where, values, reason, signal });
    return { dropped, notHeld };
  }

  async #heldByView(where: string, values: readonly SqlValue[]): Promise<{ view: string; rows: number }[]> {
    const { lake } = this.#context;
    const found = await lake.all<{ view: string; rows: bigint }>(
      `SELECT view_name AS view, count(*) AS rows FROM ${quarantinedRows(lake)}
       WHERE state = 'held' AND ${where} GROUP BY view_name ORDER BY view_name`,
      values,
    );
    return found.map(({ view, rows }) => ({ view, rows: Number(rows) }));
  }

  async #select(
    selection: QuarantineSelection,
  ): Promise<{ where: string; values: SqlValue[]; notHeld: QuarantinedRow[] }> {
    checkSelection(selection);
    if (selection.ids === undefined) return { ...whereSelected(selection), notHeld: [] };
    const rows = await this.show(selection.ids);
    const values = rows.map(({ id }) => id);
    const among = values.map((_, index) => `$${index + 1}`);
    const where = values.length === 0 ? 'false' : `id IN (${among.join(', ')})`;
    return { where, values, notHeld: rows.filter(({ state }) => state !== 'held') };
  }
}

const nothing = { runId: null, released: 0, published: 0, alreadyThere: 0, snapshot: null } as const;
