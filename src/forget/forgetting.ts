import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { limits } from '../config.js';
import { blankEvents } from '../stream-source/blank-events.js';
import { lookBeyond } from './beyond.js';
import { lookAtCatalog } from './catalog-rows.js';
import type { ForgetContext, ForgetEngines, ForgetStore } from './context.js';
import { type FileHit, lookAtDataFiles } from './data-files.js';
import type { ForgottenKey } from './key.js';
import { keyTables, viewKeysOf } from './lake-tables.js';
import { onlineKeys, onlineTraces, removeOnline } from './online.js';
import { prove } from './prove.js';
import { isQuiet } from './quiet.js';
import { checkReason } from './reason.js';
import { type ForgetRecord, listForgets, Requested } from './record.js';
import { removeRows } from './remove-rows.js';
import type { ForgetReport, Left } from './report.js';
import { batchSourcesOf, declaredKeys, resolveKeys } from './resolve-keys.js';
import { type Expired, expireAll, registeredFiles, rewriteTables } from './rewrite.js';
import { lookAtRunFiles, type RunFilesLook, removeRunFiles } from './run-files.js';
import { awaitRuns } from './runs-at-work.js';
import { eventHolds } from './text.js';

export interface ForgetOptions {
  /** Only entities of it are meant; default: those of any entity with these join keys. */
  readonly entity?: string | undefined;
  /** Kept in the record, so it must not hold the key. */
  readonly reason?: string | undefined;
  /** Only says what would be removed. */
  readonly dryRun?: boolean | undefined;
  /** Begins when runs at work have ended; default: refuses while there are any. */
  readonly wait?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((line: string) => void) | undefined;
}

/**
 * Removes entities from everything a project keeps. Each step finds by itself what there is to do, so a request that was cut short
 * is simply made again.
 */
export class Forgetting {
  readonly #context: ForgetContext;

  constructor({ lake, offline, eventLogs }: ForgetEngines, store: ForgetStore) {
    this.#context = { lake, offline, eventLogs, store };
  }

  /** Every request there was, without its key. */
  list(): Promise<ForgetRecord[]> {
    return listForgets(this.#context.lake);
  }

  /**
   * @param given join keys with values of their types; some of the join keys of an entity mean all with those values.
   * @returns what was removed, and whether reading all files anew found anything left.
   * @throws DefinitionError for keys of no entity, a reason that tells one, and while runs are at work.
   */
  async forget(
    given: readonly Readonly<Record<string, unknown>>[],
    options: ForgetOptions = {},
  ): Promise<ForgetReport> {
    const { lake, store } = this.#context;
    const startedAt = Date.now();
    const { entity, reason, dryRun = false, wait = false, signal, onProgress } = options;
    const declared = await declaredKeys(lake, store.repo);
    const { keys, hashed } = await resolveKeys(lake, declared, given, { entity, env: process.env });
    checkReason(reason, keys);
    const step = (line: string): void => {
      signal?.throwIfAborted();
      onProgress?.(line);
    };
    if (!dryRun)
      await awaitRuns(store.runs, { wait, signal, onWait: (count) => step(`wait for ${count} runs at work`) });
    const request = dryRun ? undefined : await Requested.open(lake, keys, { reason, env: process.env });
    const work = new ForgetWork(this.#context, keys, { dryRun, signal, step });
    const done = await work.run(request);
    const report: ForgetReport = {
      id: request?.id,
      dryRun,
      joinKeys: [...new Set(keys.flatMap((key) => key.map(({ name }) => name)))],
      resumed: request?.since?.toISOString(),
      hashed,
      ...done,
      tookMs: Date.now() - startedAt,
    };
    if (request !== undefined) {
      await request.note(report.left.length === 0 ? 'proved' : 'incomplete', report, { reason });
      const folder = path.join(lake.sharedDirectory, 'forgotten');
      mkdirSync(folder, { recursive: true });
      writeFileSync(path.join(folder, `${request.id}.json`), `${JSON.stringify(report, undefined, 2)}\n`);
    }
    return report;
  }
}

type Done = Omit<ForgetReport, 'id' | 'dryRun' | 'joinKeys' | 'resumed' | 'hashed' | 'tookMs'>;

interface WorkOptions {
  readonly dryRun: boolean;
  readonly signal: AbortSignal | undefined;
  readonly step: (line: string) => void;
}

class ForgetWork {
  readonly #context: ForgetContext;
  readonly #keys: readonly ForgottenKey[];
  readonly #options: WorkOptions;

  constructor(context: ForgetContext, keys: readonly ForgottenKey[], options: WorkOptions) {
    this.#context = context;
    this.#keys = keys;
    this.#options = options;
  }

  async run(request: Requested | undefined): Promise<Done> {
    const { lake, eventLogs } = this.#context;
    const { dryRun, signal, step } = this.#options;
    const keys = this.#keys;
    const notes: string[] = [];
    const online = await this.#context.store.online();
    const views = (await keyTables(lake, keys)).flatMap((table) => viewKeysOf(table) ?? []);
    const tables = [...(await this.#context.store.state()).views.values()].map(({ table }) => table);
    const stored = await onlineKeys(online, keys, views, tables);

    step('rows of the lake');
    const rows = await removeRows(lake, keys, { dryRun, signal });
    await request?.note('removed', {}, { snapshot: rows.snapshot });
    step('online rows');
    const onlineRows = dryRun
      ? (await onlineTraces(online, stored)).stored
      : await removeOnline(online, stored, tables, rows.snapshot);
    step('events of embedded topics');
    const isMeant = (event: string): boolean => eventHolds(event, keys);
    const events = eventLogs === undefined ? 0 : (await blankEvents(eventLogs, isMeant, { dryRun, signal })).events;
    step('staged rows, reports and logs');
    const lineageFile = lineageFileOf(this.#context.store.repo);
    const runFiles = await lookAtRunFiles(lake, keys, { lineageFile, signal });
    const files = dryRun ? countFolders(runFiles) : removeRunFiles(runFiles.hits, keys);
    step('data files');
    const found = await lookAtDataFiles(lake, keys, { signal });
    const hasRemoved = [...Object.values(rows.tables), ...Object.values(rows.records)].some((count) => count > 0);
    const expired = await this.#expire(request, found.hits, hasRemoved);
    const { sources, files: setFiles, notes: more } = await this.#beyond();
    const removed = {
      ...{ tables: nonZero(rows.tables), records: rows.records, online: onlineRows, events, files },
      dataFiles: dryRun ? found.hits.length : expired.removedFiles,
      ...{ snapshots: expired.snapshots, pins: expired.pins },
    };
    notes.push(...more);
    const done = {
      removed,
      trainingSets: expired.trainingSets,
      otherProjects: expired.snapshots === 0 ? [] : await this.#otherProjects(),
      yours: { sources, files: setFiles, definitions: rows.definitions },
    };
    if (dryRun) return { ...done, notes, proof: undefined, left: [] };

    step('what the online store still holds');
    if (await isQuiet(this.#context, online, runFiles.hits, signal))
      for (const [view, of] of stored) if (of.length > 0) await online.erase(view, of);
    step('catalog');
    await lake.scrubCatalog();
    step('proof');
    const proved = await prove({
      ...{ lake, keys, online, onlineKeys: stored, eventLogs, lineageFile, signal },
      onFile: (count, of) => step(`proof: ${count} of ${of} data files read`),
    });
    if (proved.spilled > 0)
      notes.push(`${proved.spilled} files of rows that processes at work have set aside; they go when those end`);
    const left: Left[] = proved.left;
    return { ...done, notes, proof: proved.proof, left };
  }

  /** Writes the files anew that hold a key, lets go of every snapshot that shows it, and removes what nobody names any more. */
  async #expire(request: Requested | undefined, hits: readonly FileHit[], hasRemoved: boolean): Promise<Expired> {
    const { lake } = this.#context;
    const { dryRun, signal, step } = this.#options;
    const known = await registeredFiles(lake);
    const scheduled = new Set(
      (
        await lake.all<{ path: string }>(`SELECT path FROM ${lake.metadata('ducklake_files_scheduled_for_deletion')}`)
      ).map((row) => path.basename(row.path)),
    );
    const isLakes = ({ file }: FileHit): boolean =>
      known.has(path.basename(file)) || scheduled.has(path.basename(file));
    const orphans = dryRun ? 0 : removeOrphans(hits.filter((hit) => !isLakes(hit)));
    const isNeeded = hasRemoved || hits.some(isLakes) || (await lookAtCatalog(lake, this.#keys)).length > 0;
    const before = await lake.currentSnapshot();
    if (!isNeeded || request === undefined || dryRun)
      return isNeeded
        ? this.#wouldExpire(before)
        : { snapshots: 0, before, trainingSets: [], pins: 0, removedFiles: orphans };
    step('write data files anew');
    await rewriteTables(lake, this.#keys, hits, signal);
    step('expire snapshots');
    const expired = await expireAll(
      lake,
      this.#keys,
      (session, snapshot) => request.noteIn(session, 'expired', {}, { snapshot }),
      signal,
    );
    return { ...expired, removedFiles: expired.removedFiles + orphans };
  }

  async #wouldExpire(before: number): Promise<Expired> {
    const { lake } = this.#context;
    const count = async (sql: string): Promise<number> => Number((await lake.one<{ n: bigint }>(sql))?.n ?? 0);
    const sets: string[] = [];
    for (const table of await lake.everywhere('training_sets'))
      sets.push(...(await lake.all<{ name: string }>(`SELECT name FROM ${table}`)).map(({ name }) => name));
    let pins = 0;
    for (const table of await lake.everywhere('pins'))
      pins += await count(`SELECT count(*) AS n FROM ${table} WHERE id <> '' AND expires_at > now()`);
    const snapshots = await count(`SELECT count(*) AS n FROM ${lake.metadata('ducklake_snapshot')}`);
    return { snapshots, before, trainingSets: sets, pins, removedFiles: 0 };
  }

  #beyond() {
    const { lake, eventLogs, store } = this.#context;
    const loaded = store.repo;
    return lookBeyond(lake, this.#keys, {
      projectRoot: loaded.projectRoot,
      sources: batchSourcesOf(loaded),
      isKafka: eventLogs === undefined,
    });
  }

  async #otherProjects(): Promise<string[]> {
    const { lake } = this.#context;
    const own = lake.system('lake');
    return (await lake.everywhere('lake'))
      .filter((table) => table !== own)
      .map((table) => (table.split('.')[1] ?? '').slice(1, -'_asof"'.length));
  }
}

/** Where events of runs go, if that is a file. */
function lineageFileOf({ config, projectRoot }: ForgetContext['store']['repo']): string | undefined {
  const settings = config.lineage?.openLineage;
  return settings !== undefined && 'file' in settings ? path.resolve(projectRoot, settings.file) : undefined;
}

/** Files that no snapshot names; a younger one may be of a writer that is about to register it. @returns how many went. */
function removeOrphans(hits: readonly FileHit[]): number {
  let removed = 0;
  for (const { file } of hits) {
    const status = statSync(file, { throwIfNoEntry: false });
    if (status === undefined || Date.now() - status.mtimeMs < limits.transactionMaxMs) continue;
    rmSync(file, { force: true });
    removed += 1;
  }
  return removed;
}

const nonZero = (counts: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));

function countFolders({ hits }: RunFilesLook): ForgetReport['removed']['files'] {
  const counts: Partial<Record<RunFilesLook['hits'][number]['folder'], number>> = {};
  for (const { folder } of hits) counts[folder] = (counts[folder] ?? 0) + 1;
  return counts;
}
