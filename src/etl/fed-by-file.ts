import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { protectJsonRows } from '../batch-source/json-rows.js';
import { type AnyFeatureView, fileSource } from '../definitions/index.js';
import { StoreUnavailableError } from '../errors.js';
import { firstLine, type Lake } from '../lake/index.js';
import { hashWith, keyOf } from '../personal-data/index.js';

/**
 * The view as if pushed rows were its source, so that they are read, checked and transformed as all others.
 * @param rows the path of a file, or JSON objects, which are written to one: personal data hashed, masked or dropped before.
 * @param file where.
 * @throws DefinitionError for a missing key, or one that is not the project's. @throws DataError for rows that a rule can't hold for.
 * @throws StoreUnavailableError when the file can't be written.
 */
export async function fedBy(
  lake: Lake,
  view: AnyFeatureView,
  rows: string | readonly string[],
  file: string,
): Promise<AnyFeatureView> {
  if (typeof rows === 'string') return fedByFile(view, rows, view.source.pii);
  const lines = await protectRows(lake, view, rows);
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, lines.map((line) => `${line}\n`).join(''), { mode: 0o600 });
  } catch (error) {
    throw new StoreUnavailableError(`the pushed rows can't be written: ${firstLine(error)}`, {
      mend: 'check the permissions and the free space of the state folder, or of catalog.sharedPath',
      cause: error,
    });
  }
  return fedByFile(view, file, undefined);
}

async function protectRows(lake: Lake, view: AnyFeatureView, rows: readonly string[]): Promise<readonly string[]> {
  const { pii } = view.source;
  if (pii === undefined) return rows;
  const key = await keyOf(lake, pii, `source "${view.source.name}"`);
  return protectJsonRows(rows, pii, hashWith(key ?? ''), 'rows');
}

function fedByFile(view: AnyFeatureView, file: string, pii: AnyFeatureView['source']['pii']): AnyFeatureView {
  const { timestampField, createdTimestampField } = view.source;
  const pushed = fileSource({
    name: 'pushed',
    path: path.resolve(file),
    timestampField,
    ...(createdTimestampField === undefined ? {} : { createdTimestampField }),
    ...(pii === undefined ? {} : { pii: { ...pii } }),
  });
  return view.kind === 'feature_view'
    ? { ...view, source: pushed }
    : { ...view, source: { ...view.source, batchSource: pushed } };
}
