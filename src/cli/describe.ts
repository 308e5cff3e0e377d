import type { Command } from 'commander';
import { formatDuration } from '../definitions/duration.js';
import { tableName } from '../definitions/feature-table.js';
import type { FeatureStore, RegistryEntry } from '../index.js';
import { diffFields, type FieldChange } from '../registry/diff.js';
import { isViewSpec, objectKind, objectKinds, type Spec, type ViewSpec } from '../registry/spec.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { formatCell, printJson, printTable, seconds } from './output.js';

export function registerDescribe(program: Command): void {
  describeCommand(
    program
      .command('describe')
      .argument('<kind>', `one of ${objectKinds.join(', ')}`)
      .argument('<name>', 'the name it was defined with'),
    'asof describe feature_view driver_stats',
  ).action(action(describe));
}

/** What one version changed against the one before. */
interface Version {
  readonly version: number;
  readonly appliedAt: Date;
  readonly removed: boolean;
  readonly changes: readonly FieldChange[];
}

async function describe(options: GlobalOptions, kindText: string, name: string): Promise<undefined> {
  const kind = objectKind(kindText);
  await withStore(options, async (store) => {
    const entry = await store.registry.describe(kind, name);
    const history = versions(await store.registry.history(kind, name));
    const table = isViewSpec(entry.spec) ? await describeTable(store, entry.spec) : undefined;
    if (options.json) {
      const { version, appliedAt, spec } = entry;
      printJson({ kind, name, version, appliedAt, spec, table, history });
      return;
    }
    print(entry, history, table);
  });
}

/** Where a view's rows are, and how many. */
async function describeTable({ lake }: FeatureStore, spec: ViewSpec) {
  const name = tableName({ view: spec.name, generation: spec.table.generation });
  const found = await lake.one<{ rows: bigint; first: Date | null; last: Date | null }>(
    `SELECT count(*) AS rows, min(event_timestamp) AS first, max(event_timestamp) AS last FROM ${lake.table(name)}`,
  );
  const { rows = 0n, first = null, last = null } = found ?? {};
  return {
    name: `${lake.project}.${name}`,
    generation: spec.table.generation,
    rows: Number(rows),
    firstEvent: first,
    lastEvent: last,
  };
}

const versions = (history: readonly RegistryEntry[]): Version[] =>
  history.map(({ version, appliedAt, removed, spec }, index) => {
    const before = history[index - 1];
    const changes = before === undefined || before.removed || removed ? [] : diffFields(before.spec, spec);
    return { version, appliedAt, removed, changes };
  });

type Table = Awaited<ReturnType<typeof describeTable>>;

function print({ spec, version }: RegistryEntry, history: readonly Version[], table: Table | undefined): void {
  const { kind, name, ...fields } = spec;
  console.log(`${kind.replaceAll('_', ' ')} ${name}, version ${version}`);
  const columns: { column: string; type: string; as: string }[] = [];
  for (const [field, value] of Object.entries(fields) as [string, unknown][]) {
    const as = typedFields[field];
    if (as === undefined || isService(spec)) printField(field, value);
    else columns.push(...Object.entries(value as object).map(([column, type]) => ({ column, type, as })));
  }
  if (table !== undefined) {
    const events =
      table.rows === 0 ? '' : `, events from ${formatCell(table.firstEvent)} to ${formatCell(table.lastEvent)}`;
    console.log(`  in table: ${table.name}, ${table.rows.toLocaleString('en')} rows${events}`);
  }
  if (columns.length > 0) printTable(columns);
  console.log('versions:');
  for (const { version: number, appliedAt, removed, changes } of history) {
    const what = removed ? 'removed' : changes.map(change).join('; ') || 'applied';
    console.log(`  ${number}  ${formatCell(appliedAt).slice(0, 19)}Z  ${what}`);
  }
}

/** Fields that map a column to its type, and what such a column is. */
const typedFields: Readonly<Record<string, string>> = { joinKeys: 'join key', features: 'feature', event: 'field' };

const isService = (spec: Spec): boolean => spec.kind === 'feature_service';

function printField(field: string, value: unknown): void {
  // A view's table is told in a line of its own; a source's is a name.
  if (value === undefined || (field === 'table' && typeof value !== 'string')) return;
  if (field === 'ttlMs') console.log(`  ttl: ${value === 0 ? 'for ever' : `${Number(value) / 86_400_000} days`}`);
  else if (field === 'freshnessMs') console.log(`  freshness: ${formatDuration(Number(value))}`);
  else if (field === 'watermarkMs') console.log(`  watermark: ${seconds(Number(value))}`);
  else if (isListOfObjects(value)) {
    console.log(`  ${field}:`);
    for (const item of value) console.log(`    ${text(item)}`);
  } else if (text(value) !== '') console.log(`  ${field}: ${text(value)}`);
}

const isListOfObjects = (value: unknown): value is object[] =>
  Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'object');

function text(value: unknown): string {
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) return value.join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const change = ({ path, from, to }: FieldChange): string =>
  `${path}: ${from === undefined ? '(none)' : text(from)} → ${to === undefined ? '(none)' : text(to)}`;
