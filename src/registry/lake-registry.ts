import { type FeatureTable, tableName } from '../definitions/feature-table.js';
import { DefinitionError } from '../errors.js';
import type { FeatureRepo } from '../feature-repo/feature-repo.js';
import { addFeature, createFeatureTable, createLeaseTable, widenFeature } from '../lake/feature-tables.js';
import { type Lake, type Session, systemSchema, tableExists } from '../lake/index.js';
import { dropProject } from './drop-project.js';
import { newestEntries, objectHistory, readHead } from './entries.js';
import { type Plan, type PlannedWrites, planChanges, type TableStep } from './plan.js';
import type { Applied, Registry, RegistryEntry, RegistryMoment, RegistryState, TeardownCounts } from './registry.js';
import type { ObjectKind } from './spec.js';
import { featureTable, stateOf } from './state.js';

/** The registry of the lake's project. */
export const openLakeRegistry = (lake: Lake): Registry => new LakeRegistry(lake);

/** Another apply may commit between the reads of head and entries; then the entries are the newer. */
const versionOf = (head: number, entries: readonly RegistryEntry[]): number =>
  entries.reduce((most, { version }) => Math.max(most, version), head);

class LakeRegistry implements Registry {
  readonly #lake: Lake;

  constructor(lake: Lake) {
    this.#lake = lake;
  }

  async plan(repo: FeatureRepo): Promise<Plan> {
    return (await this.#compare(this.#lake, repo)).plan;
  }

  async apply(repo: FeatureRepo): Promise<Applied> {
    // Asked first without a transaction: even one that changes nothing would wait for its turn among the writers.
    const before = await this.#compare(this.#lake, repo);
    if (before.plan.changes.length === 0) return { plan: before.plan, version: before.plan.version };
    const { result } = await this.#lake.transaction(
      { message: `apply to project ${this.#lake.project}` },
      async (session) => {
        // Planned again inside: another apply may have been faster, and a lost transaction starts over here.
        const writes = await this.#compare(session, repo);
        if (writes.plan.changes.length === 0) return { plan: writes.plan, version: writes.plan.version };
        await this.#write(session, writes);
        return { plan: writes.plan, version: writes.plan.version + 1 };
      },
    );
    return result;
  }

  async checkApplied(repo: FeatureRepo): Promise<void> {
    const { changes, version } = await this.plan(repo);
    if (changes.length === 0) return;
    const where = `project "${repo.config.project}"`;
    if (version === 0) throw new DefinitionError('nothing was applied yet', { where, mend: 'run asof apply' });
    const named = changes.map(({ kind, name, action, fields }) => {
      const paths = fields.map(({ path }) => path).join(', ');
      return `${kind} ${name} (${action === 'add' ? 'new' : action === 'remove' ? 'no longer defined' : paths})`;
    });
    throw new DefinitionError(`definitions differ from what was applied: ${named.join('; ')}`, {
      where,
      mend: 'run asof apply (asof plan shows what it would change)',
    });
  }

  async state({ version, snapshot }: RegistryMoment = {}): Promise<RegistryState> {
    const head = await readHead(this.#lake, this.#lake, snapshot);
    if (version !== undefined && (!Number.isInteger(version) || version < 0 || version > head)) {
      throw new DefinitionError(`the registry has no version ${version}`, {
        where: `project "${this.#lake.project}"`,
        mend: `use 1 to ${head}`,
      });
    }
    const entries = await newestEntries(this.#lake, this.#lake, { version, snapshot });
    return stateOf(version ?? versionOf(head, entries), entries);
  }

  async list(kind: ObjectKind): Promise<RegistryEntry[]> {
    const entries = await newestEntries(this.#lake, this.#lake);
    return entries.filter((entry) => entry.kind === kind && !entry.removed);
  }

  async describe(kind: ObjectKind, name: string): Promise<RegistryEntry> {
    const known = await this.list(kind);
    const found = known.find((entry) => entry.name === name);
    if (found !== undefined) return found;
    const names = known.map((entry) => entry.name).join(', ');
    throw new DefinitionError(`there is no ${kind} "${name}"`, {
      where: `project "${this.#lake.project}"`,
      mend: names === '' ? 'run asof apply first' : `use one of ${names}`,
    });
  }

  history(kind: ObjectKind, name: string): Promise<RegistryEntry[]> {
    return objectHistory(this.#lake, kind, name);
  }

  teardown(): Promise<TeardownCounts> {
    return dropProject(this.#lake);
  }

  async #compare(from: Lake | Session, repo: FeatureRepo): Promise<PlannedWrites> {
    if (repo.config.project !== this.#lake.project) {
      throw new DefinitionError(`these definitions are of project "${repo.config.project}"`, {
        where: `registry of project "${this.#lake.project}"`,
        mend: `open the lake of project "${repo.config.project}"`,
      });
    }
    const head = await readHead(from, this.#lake);
    const entries = await newestEntries(from, this.#lake);
    return planChanges(repo, versionOf(head, entries), entries);
  }

  /** The head row makes two applies collide: of two that planned on one version only one commits. */
  async #write(session: Session, { plan, objects, steps }: PlannedWrites): Promise<void> {
    const version = plan.version + 1;
    const head = this.#lake.system('registry_head');
    const moved = await session.run(`UPDATE ${head} SET version = $2, updated_at = now() WHERE version = $1`, [
      BigInt(plan.version),
      BigInt(version),
    ]);
    if (moved !== 1) throw new Error('transaction conflict: another apply moved the registry on');
    for (const { kind, name, spec, removed } of objects) {
      await session.run(`INSERT INTO ${this.#lake.system('registry_objects')} VALUES ($1, now(), $2, $3, $4, $5)`, [
        BigInt(version),
        kind,
        name,
        JSON.stringify(spec),
        removed,
      ]);
    }
    for (const step of steps) await this.#take(session, step);
  }

  async #take(session: Session, step: TableStep): Promise<void> {
    if (step.type === 'create_lease') {
      // A pipeline renamed in its case only has the table already; a second head row would let two runs in.
      const there = await tableExists(session, systemSchema(this.#lake.project), `lease_${step.pipeline}`);
      return there ? undefined : createLeaseTable(session, this.#lake, step.pipeline);
    }
    const table: FeatureTable = featureTable(step.spec);
    if (step.type === 'create_table') {
      await this.#refuseTaken(session, table);
      return createFeatureTable(session, this.#lake, table);
    }
    const type = table.features[step.feature];
    if (type === undefined) return;
    const change = step.type === 'add_feature' ? addFeature : widenFeature;
    return change(session, this.#lake, table, step.feature, type);
  }

  /** A training set kept in the lake, or a removed view whose name differs by its case, may hold the name. */
  async #refuseTaken(session: Session, table: FeatureTable): Promise<void> {
    if (!(await tableExists(session, this.#lake.project, tableName(table)))) return;
    throw new DefinitionError(`the lake already has a table ${tableName(table)} that is not this view's`, {
      where: `view "${table.view}"`,
      mend: 'rename the view, or drop that table',
    });
  }
}
