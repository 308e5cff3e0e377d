import { existsSync } from 'node:fs';
import path from 'node:path';
import { resolveProject } from '../feature-repo/index.js';
import { ensureDatabase, seedSampleDatabase } from '../toolchain/services/index.js';
import type { GlobalOptions } from './command.js';
import { plural } from './output.js';
import { runTask } from './progress.js';
import { ensureExtensions } from './tools.js';

/** What the sample's database holds is exported in this file. */
const sample = 'data/driver_stats.parquet';

/**
 * Makes what services that have just been started lack: the databases of ASOF_CATALOG_URL and ASOF_SOURCE_URL, in the latter the
 * sample's rows. Does nothing that is done already.
 * @returns what was done, for people.
 */
export async function prepareServices(
  options: GlobalOptions,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string[]> {
  const { projectRoot } = resolveProject(options.repo);
  const { ASOF_CATALOG_URL: catalog, ASOF_SOURCE_URL: source } = env;
  const done: string[] = [];
  if (catalog) {
    const made = await ensureDatabase(catalog, 'ASOF_CATALOG_URL');
    if (made) done.push('The database of the catalog was made; `asof apply` fills it.');
  }
  const file = path.join(projectRoot, sample);
  if (source && existsSync(file)) {
    await ensureExtensions(options);
    await ensureDatabase(source, 'ASOF_SOURCE_URL');
    const rows = await runTask('Sample database', options, () => seedSampleDatabase(source, file));
    if (rows > 0) done.push(`${plural(rows, 'row')} of ${sample} were written to the database of ASOF_SOURCE_URL.`);
  }
  return done;
}
