import type { Lake } from '../lake/index.js';
import type { Schema } from '../types.js';
import { type EntitySpec, parseTypes, type SourceSpec } from './spec.js';

/** What was ever applied of join keys: rows of definitions that are gone or changed are still there. */
export interface EverDeclared {
  /** Every version of every entity, the newest last. */
  readonly entities: readonly { readonly name: string; readonly joinKeys: Schema }[];
  /** Columns for which a source had a rule `hash`. */
  readonly hashed: ReadonlySet<string>;
}

export async function everDeclared(lake: Lake): Promise<EverDeclared> {
  const rows = await lake.all<{ name: string; kind: string; spec: string }>(
    `SELECT name, kind, spec FROM ${lake.system('registry_objects')} WHERE kind IN ('entity', 'source') ORDER BY version`,
  );
  const entities: { name: string; joinKeys: Schema }[] = [];
  const hashed = new Set<string>();
  for (const { name, kind, spec } of rows) {
    if (kind === 'entity') entities.push({ name, joinKeys: parseTypes((JSON.parse(spec) as EntitySpec).joinKeys) });
    else
      for (const [column, rule] of Object.entries((JSON.parse(spec) as SourceSpec).pii ?? {}))
        if (rule === 'hash') hashed.add(column);
  }
  return { entities, hashed };
}
