import path from 'node:path';
import { type FeatureTable, tableName } from '../definitions/feature-table.js';
import { DefinitionError } from '../errors.js';
import { checkSnapshot, ids, type Lake, type Session, whilePinned } from '../lake/index.js';
import { typeName, type ValueType } from '../types.js';
import { type EntityInput, type PreparedEntities, prepareEntities, suggest } from './entity-rows.js';
import {
  checkOutput,
  type HistoricalOutput,
  type HistoricalRow,
  type OutputColumn,
  writeOutput,
} from './historical-output.js';
import { type JoinedView, pointInTimeSql, type Reach } from './point-in-time.js';
import { checkNameFree, featuresOf, insertTrainingSet } from './training-sets.js';

export type { EntityInput, HistoricalOutput, HistoricalRow };

/** Features of one view, as the registry of the snapshot knows it. */
export interface HistoricalSelection {
  readonly table: FeatureTable;
  /** Output name → feature of the view. */
  readonly columns: Readonly<Record<string, string>>;
  /** Join key of the view → column of the entity rows, where the names differ. */
  readonly keyMap?: Readonly<Record<string, string>> | undefined;
}

export interface HistoricalRequest {
  readonly selections: readonly HistoricalSelection[];
  readonly entities: EntityInput;
  readonly options?: {
    /** Only rows made by the entity row's time count; a row without created time counts as made long ago. */
    readonly createdCutoff?: boolean | undefined;
    /** Reads the views as they were at this snapshot; default: the newest. */
    readonly asOfSnapshot?: number | undefined;
    readonly entityTimestamp?: string | undefined;
  };
  readonly output: HistoricalOutput;
  /** Keeps a record of the answer, and with it the snapshot it was made from; a table is always recorded, under its own name. */
  readonly save?: { readonly name?: string | undefined; readonly keepMs?: number | undefined } | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: HistoricalProgress) => void) | undefined;
}

/** Told when a step begins; `rows` once the number of entity rows is known. */
export interface HistoricalProgress {
  readonly step: 'entities' | 'join' | 'done';
  readonly rows?: number;
}

export interface HistoricalResult {
  /** Output `rows`: the entity rows with the features, in the order given. */
  readonly rows?: HistoricalRow[];
  /** Output `file`: its path. */
  readonly file?: string;
  /** Output `table`: its name in the project's schema. */
  readonly table?: string;
  readonly rowCount: number;
  /** The snapshot all views were read at; asking for it again gives the same answer. */
  readonly snapshot: number;
  /** Output name → type, e.g. `float32`. */
  readonly features: Readonly<Record<string, string>>;
}

/**
 * Joins entity rows with the features that were known at their time (see `pointInTimeSql` for the exact meaning).
 * @throws DefinitionError for an unknown feature, snapshot, table or column, a clash of names, or entity rows without key or time;
 * DataError for entity rows that can't be read or values that fit no key.
 */
export async function historicalFeatures(lake: Lake, request: HistoricalRequest): Promise<HistoricalResult> {
  await checkOutput(lake, request.output);
  await checkSave(lake, request);
  const { asOfSnapshot } = request.options ?? {};
  if (asOfSnapshot !== undefined) await checkSnapshot(lake, asOfSnapshot);
  const snapshot = asOfSnapshot ?? (await lake.currentSnapshot());
  return whilePinned(lake, { snapshot, reason: 'historical read' }, () => readAt(lake, request, snapshot));
}

/** One snapshot for all views, so that no commit comes in between. */
async function readAt(lake: Lake, request: HistoricalRequest, snapshot: number): Promise<HistoricalResult> {
  const { selections, entities: input, options = {}, output, save, signal, onProgress } = request;
  const features = selectedFeatures(selections);
  return lake.withSession(async (session) => {
    onProgress?.({ step: 'entities' });
    const entities = await prepareEntities(session, lake, input, {
      keys: entityKeys(selections),
      outputs: Object.keys(features),
      entityTimestamp: options.entityTimestamp,
      ownColumns: !(input.type === 'rows' && output.type === 'rows'),
      signal,
    });
    const views: JoinedView[] = [];
    for (const selection of selections) views.push(await joinedView(session, lake, selection, snapshot, entities));
    onProgress?.({ step: 'join', rows: entities.rowCount });
    const sql = pointInTimeSql({ entities, views, createdCutoff: options.createdCutoff, range: entities.range });
    const columns: OutputColumn[] = [
      ...entities.columns.map((name) => ({ name, sqlType: entities.types[name] as string })),
      ...Object.entries(features).map(([name, type]) => ({ name, type })),
    ];
    const given = input.type === 'rows' ? input.rows : undefined;
    const recorded = { snapshot, features: featuresOf(selections), keepMs: save?.keepMs };
    const written = await writeOutput({ lake, session, sql, columns, given, output, recorded, signal });
    if (save?.name !== undefined && written.file !== undefined) {
      const set = { ...recorded, name: save.name, place: path.resolve(written.file), rows: written.rowCount };
      await lake.transaction({ message: `training set ${set.name}` }, (writer) => insertTrainingSet(writer, lake, set));
    }
    onProgress?.({ step: 'done', rows: written.rowCount });
    const names = Object.fromEntries(Object.entries(features).map(([name, type]) => [name, typeName(type)]));
    return { ...written, snapshot, features: names };
  });
}

/** Output name → type, in the order asked. */
function selectedFeatures(selections: readonly HistoricalSelection[]): Record<string, ValueType> {
  if (selections.every(({ columns }) => Object.keys(columns).length === 0)) {
    throw new DefinitionError('no features are asked for', { mend: "name some, e.g. 'driver_stats:conv_rate'" });
  }
  const features: Record<string, ValueType> = {};
  const from = new Map<string, string>();
  for (const { table, columns } of selections) {
    for (const [output, feature] of Object.entries(columns)) {
      const type = Object.hasOwn(table.features, feature) ? table.features[feature] : undefined;
      const source = `${table.view}:${feature}`;
      if (type === undefined) {
        throw new DefinitionError(`there is no feature "${feature}"`, {
          where: `view ${table.view}`,
          mend: suggest(feature, Object.keys(table.features)),
        });
      }
      const other = from.get(output.toLowerCase());
      if (other !== undefined) {
        throw new DefinitionError(`feature "${output}" comes twice, from ${other} and ${source}`, {
          mend: `rename one with .prefixed('${table.view}_'), or ask for full feature names`,
        });
      }
      from.set(output.toLowerCase(), source);
      features[output] = type;
    }
  }
  return features;
}

/** The columns entity rows must have, with their types. */
function entityKeys(selections: readonly HistoricalSelection[]): Record<string, ValueType> {
  const keys: Record<string, ValueType> = {};
  for (const { table, keyMap } of selections) {
    for (const [key, type] of Object.entries(table.joinKeys)) {
      const column = keyMap?.[key] ?? key;
      const other = keys[column];
      if (other !== undefined && typeName(other) !== typeName(type)) {
        throw new DefinitionError(
          `join key "${column}" is ${typeName(type)} here and ${typeName(other)} in another view of the request`,
          {
            where: `view ${table.view}`,
            mend: 'give the entities one type, or ask for the views one by one',
          },
        );
      }
      keys[column] = type;
    }
  }
  return keys;
}

/** Found before any work is done. */
async function checkSave(lake: Lake, { output, save }: HistoricalRequest): Promise<void> {
  if (output.type === 'table') await checkNameFree(lake, output.table);
  if (save?.name === undefined) return;
  if (output.type === 'file') return checkNameFree(lake, save.name);
  throw new DefinitionError('only an answer in a file can be saved under a name', {
    mend: output.type === 'table' ? 'leave the name out: a table is saved under its own' : 'write it to a file',
  });
}

async function joinedView(
  session: Session,
  lake: Lake,
  { table, columns, keyMap }: HistoricalSelection,
  snapshot: number,
  entities: PreparedEntities,
): Promise<JoinedView> {
  const relation = `${lake.table(tableName(table))} AT (VERSION => ${snapshot})`;
  const counted = await session.one<{ n: bigint }>(`SELECT count(*) AS n FROM ${relation}`).catch((error: unknown) => {
    if (!(error instanceof Error) || !/does not exist/i.test(error.message)) throw error;
    throw new DefinitionError(`has no table at snapshot ${snapshot}`, {
      where: `view ${table.view}${table.generation === 1 ? '' : `, generation ${table.generation}`}`,
      mend: 'run `asof apply`, or ask for a snapshot from after it was applied',
      cause: error,
    });
  });
  const keys = Object.fromEntries(Object.keys(table.joinKeys).map((key) => [key, keyMap?.[key] ?? key]));
  const reach = await chooseReach(session, entities, Object.values(keys), table.ttlMs, Number(counted?.n ?? 0));
  return { relation, keys, columns, ttlMs: table.ttlMs, reach };
}

/** Views with at least this many rows per entity row are first limited to the keys asked for. */
const rowsPerEntityRow = 20;
/** Share of a view's rows, up to which rows near the times asked for are set aside first. */
const nearShareMax = 0.3;

/** How much of the view to look at; decides about speed only. Assumes that rows and times asked for are spread evenly. */
async function chooseReach(
  session: Session,
  { relation, range, rowCount }: PreparedEntities,
  keys: readonly string[],
  ttlMs: number,
  viewRows: number,
): Promise<Reach> {
  const otherwise = rowCount * rowsPerEntityRow <= viewRows ? 'keys' : 'all';
  if (ttlMs === 0 || range === undefined || rowCount > viewRows) return otherwise;
  const ttlUs = ttlMs * 1_000;
  const nearPerTime = (2 * ttlUs) / (Number(range.toUs - range.fromUs) + ttlUs);
  if (nearPerTime > nearShareMax) return otherwise;
  const distinct = await session.one<{ n: bigint }>(
    `SELECT approx_count_distinct(hash(${ids(keys)})) AS n FROM ${relation}`,
  );
  const timesPerKey = rowCount / Math.max(1, Number(distinct?.n ?? 1));
  return timesPerKey * nearPerTime <= nearShareMax ? 'times' : otherwise;
}
