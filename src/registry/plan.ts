import type { FeatureRepo } from '../feature-repo/feature-repo.js';
import { diffFields, type FieldChange, plain } from './diff.js';
import { type BreakingChange, planKnownView, planNewView } from './plan-view.js';
import type { RegistryEntry } from './registry.js';
import {
  type DefinitionSpec,
  entitySpec,
  isViewSpec,
  type ObjectKind,
  objectKinds,
  pipelineSpec,
  type Spec,
  serviceSpec,
  sourceSpec,
  type ViewDefinitionSpec,
  type ViewSpec,
  viewSpec,
} from './spec.js';

export type { BreakingChange, FieldChange };

/** What would happen to one object. */
export interface Change {
  readonly kind: ObjectKind;
  readonly name: string;
  readonly action: 'add' | 'change' | 'remove';
  /** Of a changed object: what differs. */
  readonly fields: readonly FieldChange[];
  /** Why its table can't be kept, and what that costs; empty when nothing breaks. */
  readonly breaking: readonly BreakingChange[];
  /** What else is worth knowing before applying. */
  readonly notes: readonly string[];
}

export interface Plan {
  /** The registry's version the definitions were compared with. */
  readonly version: number;
  /** By kind, then name; empty = what is applied is what is defined. */
  readonly changes: readonly Change[];
  readonly breaking: boolean;
}

/** What `apply` does to the tables for it. */
export type TableStep =
  | { readonly type: 'create_table'; readonly spec: ViewSpec }
  | { readonly type: 'add_feature' | 'widen_feature'; readonly spec: ViewSpec; readonly feature: string }
  | { readonly type: 'create_lease'; readonly pipeline: string };

/** A plan, and the writes that carry it out. */
export interface PlannedWrites {
  readonly plan: Plan;
  readonly objects: readonly {
    readonly kind: ObjectKind;
    readonly name: string;
    readonly spec: Spec;
    readonly removed: boolean;
  }[];
  readonly steps: readonly TableStep[];
}

/** The definitions as the registry keeps them. */
export function definedSpecs(repo: FeatureRepo): Record<ObjectKind, Map<string, DefinitionSpec>> {
  const specs = <D extends { name: string }>(all: ReadonlyMap<string, D>, spec: (definition: D) => DefinitionSpec) =>
    new Map([...all.values()].map((definition) => [definition.name, plain(spec(definition))]));
  return {
    entity: specs(repo.entities, entitySpec),
    source: specs(repo.sources, sourceSpec),
    feature_view: specs(repo.views, (view) => viewSpec(view, repo.transformHash(view.name))),
    feature_service: specs(repo.services, serviceSpec),
    pipeline: specs(repo.pipelines, pipelineSpec),
  };
}

/**
 * Compares the definitions with what was applied.
 * @param known the newest entry of every object there ever was, removed ones included.
 */
export function planChanges(repo: FeatureRepo, version: number, known: readonly RegistryEntry[]): PlannedWrites {
  const defined = definedSpecs(repo);
  const changes: Change[] = [];
  const objects: PlannedWrites['objects'][number][] = [];
  const steps: TableStep[] = [];
  for (const kind of objectKinds) {
    const last = new Map(known.filter((entry) => entry.kind === kind).map((entry) => [entry.name, entry]));
    for (const name of [...new Set([...defined[kind].keys(), ...last.keys()])].sort()) {
      const planned = planObject(kind, name, defined[kind].get(name), last.get(name));
      if (planned === undefined) continue;
      const { change, spec } = planned;
      changes.push(change);
      objects.push({ kind, name, spec, removed: change.action === 'remove' });
      steps.push(...planned.steps);
    }
  }
  return { plan: { version, changes, breaking: changes.some(({ breaking }) => breaking.length > 0) }, objects, steps };
}

interface PlannedObject {
  readonly change: Change;
  readonly spec: Spec;
  readonly steps: readonly TableStep[];
}

function planObject(
  kind: ObjectKind,
  name: string,
  defined: DefinitionSpec | undefined,
  last: RegistryEntry | undefined,
): PlannedObject | undefined {
  const gone = last === undefined || last.removed;
  if (defined === undefined) {
    if (gone) return undefined;
    const notes =
      kind === 'feature_view'
        ? ['its table stays until teardown, unread; defined again, the view goes on with it']
        : [];
    return { change: { kind, name, action: 'remove', fields: [], breaking: [], notes }, spec: last.spec, steps: [] };
  }
  const fields = gone ? [] : diffFields(definitionOf(last.spec), defined);
  if (!gone && fields.length === 0) return undefined;
  const change = { kind, name, action: gone ? 'add' : 'change', fields, breaking: [], notes: [] } as const;
  if (kind === 'feature_view') {
    const view = defined as ViewDefinitionSpec;
    const { spec, steps, breaking, notes } =
      last === undefined ? planNewView(view) : planKnownView(view, last.spec as ViewSpec);
    const again =
      last?.removed === true && breaking.length === 0
        ? ['it goes on with the table and rows it had before it was removed']
        : [];
    return { change: { ...change, breaking, notes: [...again, ...notes] }, spec, steps };
  }
  const spec = defined as Spec;
  const moved = kind === 'source' && !gone && last.spec.kind !== spec.kind;
  return {
    change: { ...change, notes: [...(moved ? [movedNote] : []), ...(isRuled(fields) ? [ruledNote] : [])] },
    spec,
    steps: kind === 'pipeline' && last === undefined ? [{ type: 'create_lease', pipeline: name }] : [],
  };
}

const isRuled = (fields: readonly FieldChange[]): boolean => fields.some(({ path }) => /^pii(\.|$)/.test(path));

const ruledNote =
  'what was ingested before stays as the rules of then made it, in its files too; the rules hold from the next run on';

const movedNote = 'rows that were ingested stay; the next run reads from the new place';

/** Without what the registry added. */
function definitionOf(spec: Spec): DefinitionSpec {
  if (!isViewSpec(spec)) return spec;
  const { table: _, ...definition } = spec;
  return definition;
}
