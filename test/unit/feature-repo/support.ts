import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';
import * as definitions from '../../../src/definitions/index.js';
import { type FeatureRepo, loadFeatureRepo } from '../../../src/feature-repo/index.js';
import * as types from '../../../src/types.js';

/** What definition files get when they import from 'asof'. */
export const asof: Readonly<Record<string, unknown>> = { ...definitions, ...types };

export const load = (repoDir: string): Promise<FeatureRepo> => loadFeatureRepo(repoDir, { asof });

const made: string[] = [];
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

/** A folder outside of any package, with these files; removed after the tests of the file. */
export function tempRepo(files: Record<string, string>): string {
  const root = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'asof-repo-')));
  made.push(root);
  const repoDir = path.join(root, 'definitions');
  mkdirSync(repoDir);
  write(repoDir, files);
  return repoDir;
}

export function write(repoDir: string, files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(repoDir, name)), { recursive: true });
    writeFileSync(path.join(repoDir, name), text);
  }
}

/** The smallest repository: a project, an entity, a view, a service, a pipeline. */
export const smallRepo = {
  'feature-store.ts': `import { featureStoreConfig } from 'asof';
export default featureStoreConfig({ project: 'small' });
`,
  'entities.ts': `import { entity, int64 } from 'asof';
export const shop = entity({ name: 'shop', joinKeys: { shop_id: int64() } });
`,
  'features.ts': `import { featureService, featureView, fileSource, float32, pipeline } from 'asof';
import { shop } from './entities.js';
export const sales = featureView({
  name: 'sales',
  entities: [shop],
  source: fileSource({ name: 'sales_file', path: 'sales.csv', timestampField: 'at' }),
  features: { revenue: float32() },
});
export const report = featureService({ name: 'report', features: [sales] });
export const nightly = pipeline({ name: 'nightly', workflow: 'dbToOfflineStore', args: { views: ['sales'] } });
`,
} as const;
