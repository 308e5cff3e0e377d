import { isWidening } from '../types.js';
import type { TableStep } from './plan.js';
import { columnType, type Types, type ViewDefinitionSpec, type ViewSpec } from './spec.js';

/** A change that the existing rows don't survive in the view's present table. */
export interface BreakingChange {
  readonly reason: string;
  readonly cost: string;
}

export interface ViewPlan {
  readonly spec: ViewSpec;
  readonly steps: readonly TableStep[];
  readonly breaking: readonly BreakingChange[];
  readonly notes: readonly string[];
}

/** A view that was never applied. */
export function planNewView(defined: ViewDefinitionSpec): ViewPlan {
  const spec = { ...defined, table: { generation: 1, columns: defined.features } };
  return { spec, steps: [{ type: 'create_table', spec }], breaking: [], notes: [] };
}

/**
 * What becomes of the table of a view that was applied before (and perhaps removed since). Added features and widened types keep
 * it, removed features leave their column behind; anything else starts a new generation with an empty table.
 */
export function planKnownView(defined: ViewDefinitionSpec, last: ViewSpec): ViewPlan {
  const reasons = [
    ...keyReasons(last.joinKeys, defined.joinKeys),
    ...featureReasons(last.table.columns, defined.features),
  ];
  const notes = last.transform === defined.transform ? [] : [transformNote];
  if (reasons.length > 0) {
    const generation = last.table.generation + 1;
    const spec = { ...defined, table: { generation, columns: defined.features } };
    const cost =
      `the view starts again with an empty table (generation ${generation}): ingest and materialize it again; ` +
      `the rows of generation ${last.table.generation} stay readable with asOfSnapshot`;
    return {
      spec,
      steps: [{ type: 'create_table', spec }],
      breaking: reasons.map((reason) => ({ reason, cost })),
      notes,
    };
  }
  const { columns } = last.table;
  const spec = { ...defined, table: { ...last.table, columns: { ...columns, ...defined.features } } };
  const steps = Object.entries(defined.features).flatMap(([feature, type]): TableStep[] => {
    const now = columns[feature];
    if (now === undefined) return [{ type: 'add_feature', spec, feature }];
    return columnType(now) === columnType(type) ? [] : [{ type: 'widen_feature', spec, feature }];
  });
  const unread = Object.keys(last.features).filter((feature) => defined.features[feature] === undefined);
  return {
    spec,
    steps,
    breaking: [],
    notes: [...notes, ...unread.map((feature) => `column ${feature} stays in the table and is no longer read`)],
  };
}

const transformNote =
  "the transform's file or one it imports changed: rows already ingested keep what the old transform made of them; run the pipeline again if it computes something else now";

function keyReasons(from: Types, to: Types): string[] {
  const text = (types: Types) =>
    Object.entries(types)
      .map(([key, type]) => `${key} ${columnType(type)}`)
      .sort()
      .join(', ');
  return text(from) === text(to) ? [] : [`the join keys change from (${text(from)}) to (${text(to)})`];
}

function featureReasons(columns: Types, features: Types): string[] {
  return Object.entries(features).flatMap(([feature, type]) => {
    const column = Object.keys(columns).find((name) => name.toLowerCase() === feature.toLowerCase());
    if (column === undefined) return [];
    if (column !== feature) return [`feature ${feature} and the table's column ${column} are one name to SQL`];
    const [from, to] = [columnType(columns[column] as string), columnType(type)];
    return from === to || isWidening(from, to) ? [] : [`feature ${feature} changes from ${from} to ${to}`];
  });
}
