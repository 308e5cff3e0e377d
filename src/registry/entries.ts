import { DefinitionError } from '../errors.js';
import { catalog, type Lake, type Session, systemSchema, tableExists } from '../lake/index.js';
import type { RegistryEntry, RegistryMoment } from './registry.js';
import type { ObjectKind, Spec } from './spec.js';

interface ObjectRow {
  readonly version: bigint;
  readonly applied_at: Date;
  readonly kind: ObjectKind;
  readonly name: string;
  readonly spec: string;
  readonly removed: boolean;
}

const entry = (row: ObjectRow): RegistryEntry => ({
  kind: row.kind,
  name: row.name,
  version: Number(row.version),
  appliedAt: row.applied_at,
  spec: JSON.parse(row.spec) as Spec,
  removed: row.removed,
});

/** The registry's version, now or at a snapshot; 0 = nothing was applied. Reads through a session to see its transaction. */
export async function readHead(from: Lake | Session, lake: Lake, snapshot?: number): Promise<number> {
  const at = snapshot === undefined ? '' : await atSnapshot(lake, snapshot);
  try {
    const head = await from.one<{ version: bigint }>(`SELECT version FROM ${lake.system('registry_head')}${at}`);
    return Number(head?.version ?? 0);
  } catch (error) {
    if (await tableExists(lake, systemSchema(lake.project), 'registry_head')) throw error;
    throw new DefinitionError('there is no registry any more: the project was torn down', {
      where: `project "${lake.project}"`,
      mend: 'restart what still has it open, then run asof apply',
      cause: error,
    });
  }
}

/** The newest entry of every object up to a moment, removed ones included, by kind and name. */
export async function newestEntries(
  from: Lake | Session,
  lake: Lake,
  { version, snapshot }: RegistryMoment = {},
): Promise<RegistryEntry[]> {
  const at = snapshot === undefined ? '' : await atSnapshot(lake, snapshot);
  const rows = await from.all<ObjectRow>(
    `SELECT version, applied_at, kind, name, spec, removed FROM ${lake.system('registry_objects')}${at}
     WHERE version <= $1
     QUALIFY row_number() OVER (PARTITION BY kind, name ORDER BY version DESC) = 1
     ORDER BY kind, name`,
    [BigInt(version ?? Number.MAX_SAFE_INTEGER)],
  );
  return rows.map(entry);
}

/** Every version of one object, oldest first. */
export async function objectHistory(lake: Lake, kind: ObjectKind, name: string): Promise<RegistryEntry[]> {
  const rows = await lake.all<ObjectRow>(
    `SELECT version, applied_at, kind, name, spec, removed FROM ${lake.system('registry_objects')}
     WHERE kind = $1 AND name = $2 ORDER BY version`,
    [kind, name],
  );
  return rows.map(entry);
}

/** Looked up instead of tried: an expired snapshot, one to come and one before the registry fail with other words each. */
async function atSnapshot(lake: Lake, snapshot: number): Promise<string> {
  const found = await lake.one<{ known: boolean; oldest: bigint; newest: bigint; created: bigint | null }>(
    `SELECT bool_or(snapshot_id = $1) AS known, min(snapshot_id) AS oldest, max(snapshot_id) AS newest,
       max(snapshot_id) FILTER (
         list_contains([lower(replace(t, '"', '')) FOR t IN changes['tables_created']], lower($2))) AS created
     FROM ${catalog}.snapshots()`,
    [BigInt(snapshot), `${systemSchema(lake.project)}.registry_head`],
  );
  const oldest = Math.max(Number(found?.created ?? 0), Number(found?.oldest ?? 0));
  if (found?.known === true && snapshot >= oldest) return ` AT (VERSION => ${snapshot})`;
  throw new DefinitionError(`the lake has no registry at snapshot ${snapshot}`, {
    where: `project "${lake.project}"`,
    mend: `use a snapshot from ${oldest} to ${Number(found?.newest ?? 0)} that was not expired`,
  });
}
