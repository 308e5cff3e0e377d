import { existsSync } from 'node:fs';
import path from 'node:path';
import type { BatchSource } from '../definitions/batch-source.js';
import { type Lake, lit, shownPath } from '../lake/index.js';
import { lookAtParquet } from './data-files.js';
import { type ForgottenKey, rowsOf } from './key.js';
import { holds } from './text.js';

/** What is not asof's to change: who has it must remove the key there. */
export interface Beyond {
  /** Sources that still hold it: the next run would bring it back as new data. */
  readonly sources: readonly string[];
  /** Saved training sets in files that hold it. */
  readonly files: readonly string[];
  readonly notes: readonly string[];
}

export async function lookBeyond(
  lake: Lake,
  keys: readonly ForgottenKey[],
  { projectRoot, sources, isKafka }: { projectRoot: string; sources: readonly BatchSource[]; isKafka: boolean },
): Promise<Beyond> {
  const found = { sources: [] as string[], files: [] as string[], notes: [] as string[] };
  for (const source of new Map(sources.map((one) => [one.name, one])).values()) {
    if (source.kind !== 'file_source') {
      found.notes.push(
        `source ${source.name} is a database: remove the key there, or a run that reads the row again brings it back`,
      );
      continue;
    }
    const file = path.resolve(projectRoot, source.path);
    if (!existsSync(file)) continue;
    const is = await holdsKey(lake, file, source.format, keys);
    if (is === true) found.sources.push(shownPath(projectRoot, file));
    if (is === undefined) found.notes.push(`source ${shownPath(projectRoot, file)} could not be looked into`);
  }
  const sets = await lake.all<{ name: string; place: string }>(
    `SELECT name, place FROM ${lake.system('training_sets')} WHERE NOT starts_with(place, 'table ')`,
  );
  for (const { place } of sets) {
    const file = path.resolve(projectRoot, place);
    if (!existsSync(file)) continue;
    const is = await holdsKey(lake, file, path.extname(file).slice(1), keys);
    if (is !== false) found.files.push(shownPath(projectRoot, file));
  }
  if (isKafka)
    found.notes.push(
      'the broker keeps its events for as long as its owner says; asof does not read again what it has read',
    );
  return found;
}

/** Unknown where the file can't be read so simply. */
async function holdsKey(
  lake: Lake,
  file: string,
  format: string,
  keys: readonly ForgottenKey[],
): Promise<boolean | undefined> {
  const readers: Readonly<Record<string, string>> = {
    csv: `read_csv(${lit(file)}, all_varchar = true)`,
    tsv: `read_csv(${lit(file)}, all_varchar = true)`,
    ndjson: `read_json(${lit(file)}, format = 'newline_delimited')`,
  };
  const reader = readers[format];
  return lake.withSession(async (session) => {
    if (reader === undefined) {
      const hit = await lookAtParquet(session, file, keys, 'rows');
      return hit?.problem === undefined ? hit !== undefined : undefined;
    }
    try {
      const described = await session.all<{ column_name: string; column_type: string }>(
        `DESCRIBE SELECT * FROM ${reader}`,
      );
      const condition = rowsOf(keys, new Map(described.map((one) => [one.column_name, one.column_type])));
      if (condition === undefined) return described.some(({ column_name }) => holds(column_name, keys));
      return (
        (await session.one(`SELECT 1 FROM ${reader} WHERE ${condition.sql} LIMIT 1`, condition.values)) !== undefined
      );
    } catch {
      return undefined;
    }
  });
}
