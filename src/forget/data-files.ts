import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { firstLine, id, type Lake, lit, type Session, systemSchema } from '../lake/index.js';
import { type ForgottenKey, rowsOf } from './key.js';
import { mayHold } from './lake-tables.js';
import { tellingColumns, toldBy } from './own-tables.js';
import { eventHolds, holds } from './text.js';

/** A file that holds a key, or could not be read. */
export interface FileHit {
  readonly file: string;
  readonly rows: number;
  readonly problem?: string;
}

export interface FilesLook {
  readonly files: number;
  readonly bytes: number;
  readonly hits: readonly FileHit[];
}

/** The folders of the project's tables. */
export function dataFolders(lake: Lake): { features: string; system: string } {
  const features = path.dirname(lake.dataDirectory('any'));
  return { features, system: path.join(path.dirname(features), systemSchema(lake.project)) };
}

/** All files below a folder; none when it is not there. */
export function filesBelow(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      const place = path.join(folder, entry.name);
      return entry.isDirectory() ? filesBelow(place) : [place];
    });
  } catch {
    return [];
  }
}

/**
 * Reads every data file in the lake's folders, whether the lake knows it or not, and looks for rows of the keys; in files of asof's
 * own tables also for texts that tell of them.
 */
export async function lookAtDataFiles(
  lake: Lake,
  keys: readonly ForgottenKey[],
  {
    signal,
    onFile,
  }: { signal?: AbortSignal | undefined; onFile?: ((done: number, of: number) => void) | undefined } = {},
): Promise<FilesLook> {
  const { features, system } = dataFolders(lake);
  const all = [features, system].flatMap((folder) =>
    filesBelow(folder).map((file) => ({ file, isOwn: folder === system })),
  );
  const look = { files: 0, bytes: 0, hits: [] as FileHit[] };
  await lake.withSession(async (session) => {
    for (const { file, isOwn } of all) {
      signal?.throwIfAborted();
      const status = statSync(file, { throwIfNoEntry: false });
      // Upkeep may take one away meanwhile.
      if (status === undefined) continue;
      look.files += 1;
      look.bytes += status.size;
      const where: Where = isOwn ? { own: path.basename(path.dirname(file)) } : 'rows';
      const hit = await lookAtParquet(session, file, keys, where);
      if (hit !== undefined && statSync(file, { throwIfNoEntry: false }) !== undefined) look.hits.push(hit);
      onFile?.(look.files, all.length);
    }
  });
  return look;
}

/** In rows by their join keys, also in texts, or, of one of asof's own tables, whose columns are no join keys, in texts alone. */
export type Where = 'rows' | 'rows and texts' | { readonly own: string };

export async function lookAtParquet(
  session: Session,
  file: string,
  keys: readonly ForgottenKey[],
  where: Where,
): Promise<FileHit | undefined> {
  try {
    const columns = new Map(
      (
        await session.all<{ column_name: string; column_type: string }>(
          `DESCRIBE SELECT * FROM read_parquet(${lit(file)})`,
        )
      ).map(({ column_name, column_type }) => [column_name, column_type]),
    );
    const own = typeof where === 'object' ? where.own : undefined;
    const condition = own === undefined ? rowsOf(keys, columns) : undefined;
    let rows = 0;
    if (condition !== undefined) {
      const found = await session.one<{ n: bigint }>(
        `SELECT count(*) AS n FROM read_parquet(${lit(file)}) WHERE ${condition.sql}`,
        condition.values,
      );
      rows += Number(found?.n ?? 0);
    }
    if (where !== 'rows') rows += await lookAtTexts(session, `read_parquet(${lit(file)})`, columns, keys, own);
    return rows === 0 ? undefined : { file, rows };
  } catch (error) {
    return { file, rows: 0, problem: firstLine(error) };
  }
}

/** How many rows of a relation tell of the keys in one of their texts. @param own which of asof's own tables it is of. */
export async function lookAtTexts(
  session: Pick<Session, 'all'>,
  relation: string,
  columns: ReadonlyMap<string, string>,
  keys: readonly ForgottenKey[],
  own?: string | undefined,
): Promise<number> {
  const texts = tellingColumns(own, columns);
  const names = [...texts.keys()];
  if (names.length === 0) return 0;
  const { sql, values } = mayHold(names, texts, keys);
  const found = await session.all<Record<string, unknown>>(
    `SELECT ${names.map(id).join(', ')} FROM ${relation} WHERE ${sql}`,
    values,
  );
  return found.filter((row) =>
    names.some((name) => {
      if (row[name] == null) return false;
      return (name === 'payload' ? eventHolds : holds)(toldBy(own, row, name), keys);
    }),
  ).length;
}
