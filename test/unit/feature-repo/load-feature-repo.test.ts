import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { StreamFeatureView } from '../../../src/definitions/index.js';
import { DefinitionError } from '../../../src/errors.js';
import { load, smallRepo, tempRepo, write } from './support.js';

const streamView = (body: string) => `import { float32, int64, kafkaSource, streamFeatureView, timestamp } from 'asof';
import { shop } from './entities.js';
${body}
export const clicks = streamFeatureView({
  name: 'clicks',
  entities: [shop],
  source: kafkaSource({ topic: 'clicks', event: { shop_id: int64(), at: timestamp(), rate: float32() }, timestampField: 'at' }),
  features: { rate: float32() },
  transform: ({ rate }) => ({ rate: rate * factor }),
});
`;

describe('loading a feature repository', () => {
  it('finds every kind of definition in a folder without package.json, those that views use included', async () => {
    const repoDir = tempRepo(smallRepo);
    const repo = await load(repoDir);
    expect(repo.projectRoot).toBe(path.dirname(repoDir));
    expect(repo.stateDir).toBe(path.join(path.dirname(repoDir), '.asof'));
    expect(repo.config.project).toBe('small');
    expect([...repo.entities.keys()]).toEqual(['shop']);
    expect([...repo.sources.keys()]).toEqual(['sales_file']);
    expect([...repo.views.keys()]).toEqual(['sales']);
    expect([...repo.services.keys()]).toEqual(['report']);
    expect([...repo.pipelines.keys()]).toEqual(['nightly', 'maintain_lake', 'check_freshness']);
    expect(repo.views.get('sales')?.entities[0]).toBe(repo.entities.get('shop'));
  });

  it('loads the sample repository', async () => {
    const repo = await load(fileURLToPath(new URL('../../../feature_repo', import.meta.url)));
    expect(repo.config.project).toBe('drivers');
    expect([...repo.views.keys()].sort()).toEqual(['driver_stats', 'driver_stats_stream']);
    expect([...repo.services.keys()].sort()).toEqual(['driver_ranking', 'driver_ranking_fresh']);
    expect([...repo.pipelines.keys()].sort()).toEqual([
      'check_freshness',
      'db_to_offline_store',
      'maintain_lake',
      'materialize_offline_to_online',
      'stream_to_stores',
      'verify_online_offline',
    ]);
    const stream = repo.views.get('driver_stats_stream') as unknown as StreamFeatureView;
    expect(stream.transform?.({ conv_rate: 0.5, acc_rate: 0.25 }, {} as never)).toEqual({
      conv_rate: 50,
      acc_rate: 25,
    });
    expect(repo.transformHash('driver_stats_stream')).toMatch(/^[0-9a-f]{32}$/);
    expect(repo.transformHash('driver_stats')).toBeUndefined();
  });

  it('takes lists of definitions, plain JavaScript and subfolders, and leaves tests, declarations and hidden files alone', async () => {
    const repoDir = tempRepo({
      'feature-store.mjs': smallRepo['feature-store.ts'],
      'shops/entities.ts': smallRepo['entities.ts'],
      'shops/views.js': `import { featureView, fileSource, string } from 'asof';
import { shop } from './entities.js';
const source = fileSource({ name: 'f', path: 'f.csv', timestampField: 'at' });
export const views = ['a', 'b'].map((name) => featureView({ name, entities: [shop], source, features: { x: string() } }));
export default views[0];
`,
      'features.test.ts': 'throw new Error("a test was loaded");',
      'types.d.ts': 'export const x: number;',
      '.hidden.ts': 'throw new Error("a hidden file was loaded");',
      'node_modules/x/index.js': 'throw new Error("an installed package was loaded");',
    });
    expect([...(await load(repoDir)).views.keys()].sort()).toEqual(['a', 'b']);
  });

  it('sees edits when it loads again, also of imported files, and leaves the first load as it was', async () => {
    const repoDir = tempRepo(smallRepo);
    const before = await load(repoDir);
    write(repoDir, { 'entities.ts': smallRepo['entities.ts'].replace('shop_id', 'store_id') });
    const after = await load(repoDir);
    expect(Object.keys(before.views.get('sales')?.joinKeys as object)).toEqual(['shop_id']);
    expect(Object.keys(after.views.get('sales')?.joinKeys as object)).toEqual(['store_id']);
    expect(after.definitionsHash).not.toBe(before.definitionsHash);
    write(repoDir, smallRepo);
    expect((await load(repoDir)).definitionsHash).toBe(before.definitionsHash);
  });

  it('loads two repositories at once without mixing them', async () => {
    const other = { ...smallRepo, 'feature-store.ts': smallRepo['feature-store.ts'].replace('small', 'other') };
    const repos = await Promise.all([load(tempRepo(smallRepo)), load(tempRepo(other)), load(tempRepo(smallRepo))]);
    expect(repos.map((repo) => repo.config.project)).toEqual(['small', 'other', 'small']);
  });

  it('gives maps that can not be changed', async () => {
    const repo = await load(tempRepo(smallRepo));
    const view = repo.views.get('sales');
    expect(() => (repo.views as Map<string, typeof view>).set('x', view)).toThrow(DefinitionError);
    expect(() => (repo.views as Map<string, typeof view>).delete('sales')).toThrow(/read only/);
  });
});

describe("a transform's identity", () => {
  const files = {
    ...smallRepo,
    'clicks.ts': streamView("import { factor } from './factor.js';"),
    'factor.ts': 'export const factor = 1;',
  };

  it('changes with its file and with what that imports, not with other files', async () => {
    const repoDir = tempRepo(files);
    const first = (await load(repoDir)).transformHash('clicks');
    write(repoDir, { 'features.ts': `${smallRepo['features.ts']}// a comment\n` });
    expect((await load(repoDir)).transformHash('clicks')).toBe(first);
    write(repoDir, { 'factor.ts': 'export const factor = 2;' });
    expect((await load(repoDir)).transformHash('clicks')).not.toBe(first);
    write(repoDir, { 'factor.ts': 'export const factor = 1;' });
    expect((await load(repoDir)).transformHash('clicks')).toBe(first);
  });

  it.each([
    "import {\n  factor, // it's the factor\n} from './factor.js';",
    "import * as all from './factor.js'\nconst { factor } = all",
    "const { factor } = await import('./factor.js');",
    "import { factor } from './between.js';",
  ])('follows %s', async (line) => {
    const between = "export * from './factor.js'\nexport const nothing = 0\n";
    const repoDir = tempRepo({ ...files, 'clicks.ts': streamView(line), 'between.ts': between });
    const first = (await load(repoDir)).transformHash('clicks');
    write(repoDir, { 'factor.ts': 'export const factor = 2;' });
    expect((await load(repoDir)).transformHash('clicks')).not.toBe(first);
  });

  it('is that of the defining file when another file exports the view again', async () => {
    const repoDir = tempRepo(files);
    const first = (await load(repoDir)).transformHash('clicks');
    write(repoDir, { 'all.ts': "export * from './clicks.js'; export * from './features.js';" });
    expect((await load(repoDir)).transformHash('clicks')).toBe(first);
  });

  it('is the same in another folder, and does not follow imports of types only', async () => {
    const one = tempRepo({
      ...files,
      'clicks.ts': streamView("import type { T } from './t.js'; const factor: T = 1;"),
      't.ts': 'export type T = number;',
    });
    const two = tempRepo({
      ...files,
      'clicks.ts': streamView("import type { T } from './t.js'; const factor: T = 1;"),
      't.ts': 'export type T = 1 | 2;',
    });
    expect((await load(one)).transformHash('clicks')).toBe((await load(two)).transformHash('clicks'));
  });
});
