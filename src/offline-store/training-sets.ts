import { DefinitionError } from '../errors.js';
import type { Lake, Session } from '../lake/index.js';
import type { HistoricalSelection } from './historical-features.js';

/** An answer that was saved. Upkeep keeps its snapshot, so the same question gives the same answer again. */
export interface TrainingSet {
  readonly name: string;
  /** `table <name>` of the lake, or the path of a file. */
  readonly place: string;
  readonly snapshot: number;
  /** Output name → `view:feature`. */
  readonly features: Readonly<Record<string, string>>;
  readonly rows: number;
  /** ISO times. */
  readonly createdAt: string;
  /** `undefined` = until it is dropped. */
  readonly expiresAt: string | undefined;
  /** Since when it can't be made again, because an entity was forgotten. */
  readonly forgottenAt?: string | undefined;
}

export type NewTrainingSet = Pick<TrainingSet, 'name' | 'place' | 'snapshot' | 'features' | 'rows'> & {
  readonly keepMs?: number | undefined;
};

/** Output name → where it comes from. */
export const featuresOf = (selections: readonly HistoricalSelection[]): Record<string, string> =>
  Object.fromEntries(
    selections.flatMap(({ table, columns }) =>
      Object.entries(columns).map(([output, feature]) => [output, `${table.view}:${feature}`]),
    ),
  );

/** Part of the transaction that writes its table. @throws DefinitionError when the name is taken. */
export async function insertTrainingSet(session: Session, lake: Lake, set: NewTrainingSet): Promise<void> {
  await checkNameFree(lake, set.name, session);
  const { name, place, snapshot, features, rows, keepMs } = set;
  await session.run(
    `INSERT INTO ${lake.system('training_sets')} (name, place, snapshot, features, "rows", created_at, expires_at)
     VALUES ($1, $2, $3, $4, $5, now(), $6::TIMESTAMPTZ)`,
    [
      ...[name, place, BigInt(snapshot), JSON.stringify(features), BigInt(rows)],
      keepMs === undefined ? null : new Date(Date.now() + keepMs),
    ],
  );
}

/** @throws DefinitionError for a name that is none or taken. */
export async function checkNameFree(lake: Lake, name: string, from: Pick<Session, 'one'> = lake): Promise<void> {
  const where = `training set ${JSON.stringify(name)}`;
  if (!/^[A-Za-z0-9][\w.-]{0,127}$/.test(name)) {
    throw new DefinitionError('is not a usable name', { where, mend: 'use letters, digits, dots, - and _' });
  }
  const taken = await from.one(`SELECT 1 FROM ${lake.system('training_sets')} WHERE lower(name) = lower($1)`, [name]);
  if (taken === undefined) return;
  throw new DefinitionError('there is one of that name', {
    where,
    mend: `choose another, or let it go: asof training-sets drop ${name}`,
  });
}

/** The saved training sets of a project. */
export class TrainingSets {
  readonly #lake: Lake;

  constructor(lake: Lake) {
    this.#lake = lake;
  }

  /** The newest first. */
  async list(): Promise<TrainingSet[]> {
    const rows = await this.#lake.all<{
      name: string;
      place: string;
      snapshot: bigint;
      features: string;
      rows: bigint;
      created_at: Date;
      expires_at: Date | null;
      forgotten_at: Date | null;
    }>(`SELECT * FROM ${this.#lake.system('training_sets')} ORDER BY created_at DESC, name`);
    return rows.map((row) => ({
      name: row.name,
      place: row.place,
      snapshot: Number(row.snapshot),
      features: JSON.parse(row.features) as Record<string, string>,
      rows: Number(row.rows),
      createdAt: row.created_at.toISOString(),
      expiresAt: row.expires_at?.toISOString(),
      forgottenAt: row.forgotten_at?.toISOString(),
    }));
  }

  /**
   * Lets a training set go: its table, and the snapshot it can be made again from; a file stays.
   * @returns what it was. @throws DefinitionError when there is none of the name.
   */
  async drop(name: string): Promise<TrainingSet> {
    const sets = await this.list();
    const found = sets.find((set) => set.name === name);
    if (found === undefined) {
      throw new DefinitionError(`there is no training set "${name}"`, {
        mend: sets.length === 0 ? 'none is saved' : `there are ${sets.map((set) => set.name).join(', ')}`,
      });
    }
    await this.#lake.transaction({ message: `drop training set ${name}` }, async (session) => {
      await session.run(`DELETE FROM ${this.#lake.system('training_sets')} WHERE name = $1`, [name]);
      const [, table] = /^table (\w+)$/.exec(found.place) ?? [];
      if (table !== undefined) await session.run(`DROP TABLE IF EXISTS ${this.#lake.table(table)}`);
    });
    return found;
  }
}
