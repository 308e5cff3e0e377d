import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { cycles, type Import, importsOf, readSource, sourceFiles } from './support/imports.js';

/**
 * Who may import whom. The rooms are the folders of src, the single files beside them, and the folders outside; each line says what
 * a room may load, and after `types` what it may know only by type. A new room or package needs a line here: decide, then write it.
 */
interface Room {
  readonly loads: readonly string[];
  readonly types?: readonly string[];
}

const base = ['definitions', 'types', 'errors', 'config', 'connection-settings', 'did-you-mean'];
const onLake = [...base, 'lake'];
const library = [
  ...onLake,
  'feature-repo',
  'registry',
  'offline-store',
  'online-store',
  'stream-source',
  'personal-data',
  'batch-source',
  'transform',
  'quality',
  'runs',
  'notifications',
  'run-logs',
  'etl',
  'sync',
  'upkeep',
  'lineage',
  'forget',
];
const facade = [
  'engines',
  'feature-request',
  'pipeline-steps',
  'feature-store',
  'pipeline-intervals',
  'backfill-plan',
  'open-feature-store',
];
const everything = [
  'version',
  ...library,
  ...facade,
  'index',
  'project-code',
  'temporal',
  'toolchain',
  'server',
  'cli',
  'workflows',
  'activities',
];

const rooms: Record<string, Room> = {
  errors: { loads: [] },
  'connection-settings': { loads: ['definitions', 'errors'] },
  'did-you-mean': { loads: [] },
  version: { loads: [] },
  config: { loads: [] },
  types: { loads: ['errors'] },
  definitions: { loads: ['types', 'errors', 'did-you-mean'] },
  'feature-repo': { loads: ['definitions', 'types', 'errors', 'did-you-mean'] },
  lake: { loads: base },
  registry: { loads: onLake, types: ['feature-repo'] },
  'offline-store': { loads: onLake },
  'online-store': { loads: onLake },
  'stream-source': { loads: onLake },
  // What ingest makes of personal data, wherever it comes from: files, databases, streams.
  'personal-data': { loads: onLake },
  'batch-source': { loads: [...onLake, 'personal-data'] },
  // The transform of a batch runs between two cleaning rules of the batch source: the same rows, before and after.
  transform: { loads: [...onLake, 'batch-source', 'personal-data'] },
  quality: { loads: onLake },
  runs: { loads: onLake, types: ['feature-repo'] },
  notifications: { loads: ['definitions', 'errors', 'config'] },
  'run-logs': { loads: base },
  // Between the stores: they join interfaces, pure functions and the lake; never an engine.
  sync: {
    loads: [...onLake, 'offline-store', 'online-store', 'stream-source', 'personal-data', 'transform'],
    types: ['registry'],
  },
  etl: {
    loads: [...onLake, 'offline-store', 'personal-data', 'batch-source', 'transform', 'quality', 'runs'],
    types: ['registry', 'feature-repo'],
  },
  upkeep: { loads: [...onLake, 'online-store', 'runs', 'sync'] },
  // Reads what the others keep, and writes nothing.
  lineage: {
    loads: [...onLake, 'version', 'feature-repo', 'offline-store', 'sync', 'notifications'],
    types: ['registry', 'batch-source', 'online-store', 'runs', 'quality'],
  },
  // Wherever an entity's data may be.
  forget: {
    loads: [...onLake, 'registry', 'online-store', 'stream-source', 'personal-data', 'runs', 'sync'],
    types: ['feature-repo', 'offline-store'],
  },
  'feature-request': {
    loads: [...onLake, 'offline-store', 'online-store'],
    types: ['registry', 'feature-repo', 'sync'],
  },
  engines: { loads: [], types: library },
  'pipeline-steps': { loads: library, types: ['engines', 'feature-store'] },
  'feature-store': { loads: [...library, 'feature-request', 'pipeline-steps'], types: ['engines'] },
  'pipeline-intervals': { loads: [...onLake, 'runs'], types: ['registry', 'feature-store'] },
  'backfill-plan': { loads: [...onLake, 'runs', 'pipeline-intervals'], types: ['feature-store'] },
  // The index, lazily: it is what definition files get when they import from 'asof'.
  'open-feature-store': {
    loads: [...library, 'feature-store', 'pipeline-steps', 'index'],
    types: ['engines'],
  },
  index: { loads: [...library, ...facade] },
  // What runs in Temporal's workers, the project's own included: found and read, not run.
  'project-code': { loads: ['errors', 'did-you-mean', 'feature-repo'] },
  toolchain: { loads: ['errors', 'config', 'types', 'lake', 'index'] },
  temporal: {
    loads: ['errors', 'config', 'types', 'index', 'toolchain', 'project-code', 'feature-repo'],
    types: ['workflows', 'activities'],
  },
  server: { loads: ['errors', 'config', 'types', 'index'] },
  cli: { loads: everything },
  workflows: { loads: [], types: ['activities', 'index'] },
  activities: { loads: ['index'] },
  feature_repo: { loads: [] },
  examples: { loads: ['feature_repo'] },
};

/** The drivers, each behind one door, and what else comes from npm. */
const packages: Record<string, readonly string[]> = {
  '@duckdb/node-api': ['lake'],
  lmdb: ['online-store'],
  ioredis: ['online-store'],
  msgpackr: ['online-store'],
  kafkajs: ['stream-source'],
  'kafkajs-snappy': ['stream-source'],
  'lz4-napi': ['stream-source'],
  fzstd: ['stream-source'],
  pg: ['batch-source', 'lake', 'toolchain'],
  jiti: ['feature-repo'],
  '@swc/core': ['project-code'],
  fastify: ['server', 'temporal'],
  '@fastify/cors': ['temporal'],
  'cron-parser': ['definitions'],
  'proper-lockfile': ['lake', 'toolchain'],
  zod: ['definitions', 'feature-repo', 'index', 'server', 'cli', 'transform'],
  commander: ['cli'],
  listr2: ['cli', 'toolchain'],
  'cli-table3': ['cli'],
  '@temporalio/workflow': ['workflows'],
  '@temporalio/activity': ['activities', 'cli'],
  '@temporalio/client': ['activities', 'temporal', 'toolchain', 'cli', 'examples'],
  '@temporalio/common': ['workflows', 'activities', 'temporal', 'toolchain', 'cli'],
  '@temporalio/worker': ['temporal', 'cli'],
  '@temporalio/envconfig': ['temporal', 'toolchain', 'cli'],
  '@temporalio/testing': ['toolchain'],
  asof: ['feature_repo', 'examples'],
};

/** Files that must stay pure, and the only ones they may load. */
const pure: Record<string, RegExp> = {
  'src/offline-store/point-in-time.ts': /^src\/(definitions\/.*|types|errors|lake\/sql)\.ts$/,
  'src/online-store/entity-key.ts': /^src\/(definitions\/.*|types|errors)\.ts$/,
};

/** An engine is known by name in its own folder, where one is opened, and where all are given out. */
const engine = /\/(ducklake|lmdb|redis|file|kafka)-[^/]*(store|source|producer)\.ts$/;
const mayNameEngines = ['open-feature-store', 'index', 'cli'];

const linesMax = 300;
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const files = sourceFiles(root, ['src', 'workflows', 'activities', 'feature_repo', 'examples']);
const imports = files.flatMap((file) => importsOf(file, readSource(root, file)));

/** `lake` for src/lake/sql.ts, `errors` for src/errors.ts, `workflows` for workflows/run.ts. */
function roomOf(file: string): string {
  const [first = '', second = ''] = file.split('/');
  return first === 'src' ? second.replace(/\.ts$/, '') : first;
}

const packageOf = (to: string): string =>
  to
    .split('/')
    .slice(0, to.startsWith('@') ? 2 : 1)
    .join('/');
const isFile = (to: string): boolean => to.endsWith('.ts');

/** What is wrong with an import, and the mend; undefined = nothing. */
function broken({ from, to, typesOnly }: Import): string | undefined {
  const room = roomOf(from);
  const rule = rooms[room];
  if (rule === undefined)
    return `${from}: room "${room}" is not in test/architecture.test.ts → say there what it may import`;
  if (to.startsWith('node:')) {
    return room === 'workflows'
      ? `${from} imports ${to}: workflows are deterministic → move it to an activity`
      : undefined;
  }
  if (!isFile(to)) return brokenPackage(from, room, packageOf(to));
  const target = roomOf(to);
  const allowed = [room, ...rule.loads, ...(typesOnly ? (rule.types ?? []) : [])];
  if (!allowed.includes(target)) {
    const mend = rule.types?.includes(target)
      ? 'write "import type", or take the value as an argument'
      : `${room} may load ${rule.loads.join(', ') || 'nothing of ours'} → take it as an argument, or move the code to a room that may`;
    return `${from} imports ${to}: ${mend}`;
  }
  const own = pure[from];
  if (own !== undefined && !typesOnly && !own.test(to))
    return `${from} imports ${to}: this file is pure → pass in what it needs`;
  if (engine.test(to) && target !== room && !mayNameEngines.includes(room) && !typesOnly) {
    return `${from} names the engine ${to} → import the folder's interface, and get the engine from open-feature-store`;
  }
  return undefined;
}

function brokenPackage(from: string, room: string, name: string): string | undefined {
  const homes = packages[name];
  if (homes === undefined)
    return `${from} imports ${name}: no room owns it → add it to "packages" in test/architecture.test.ts, with one room`;
  return homes.includes(room)
    ? undefined
    : `${from} imports ${name}: only ${homes.join(', ')} may → go through that room`;
}

describe('architecture', () => {
  it('has sources to look at', () => {
    expect(files.length).toBeGreaterThan(40);
    expect(imports.length).toBeGreaterThan(files.length);
  });

  it('keeps to the import rules', () => {
    expect(imports.map(broken).filter((reason) => reason !== undefined)).toEqual([]);
  });

  it('has no import cycles', () => {
    const shown = cycles(imports).map((way) => `${way.join(' → ')}: move what both need to a file of its own`);
    expect(shown).toEqual([]);
  });

  it(`has no file longer than ${linesMax} lines`, () => {
    const long = files
      .map((file) => ({ file, lines: readSource(root, file).split('\n').length - 1 }))
      .filter(({ lines }) => lines > linesMax)
      .map(({ file, lines }) => `${file} has ${lines} lines → split it by concept`);
    expect(long).toEqual([]);
  });

  it('imports files that exist', () => {
    const known = new Set(files);
    const missing = imports
      .filter(({ to }) => isFile(to) && !known.has(to))
      .map(({ from, to }) => `${from} imports ${to}, which is not there`);
    expect(missing).toEqual([]);
  });
});

describe('the rules themselves', () => {
  const verdict = (from: string, source: string) => importsOf(from, source).map(broken)[0];

  it.each([
    ['src/definitions/x.ts', "import { Lake } from '../lake/index.js';", /may load types, errors/],
    ['src/lake/x.ts', "import { open } from 'lmdb';", /only online-store may/],
    ['src/registry/x.ts', "import { load } from '../feature-repo/index.js';", /import type/],
    ['src/sync/x.ts', "import { L } from '../online-store/lmdb-online-store.js';", /names the engine/],
    ['src/etl/x.ts', "const { Client } = await import('@temporalio/client');", /only activities, temporal/],
    ['src/index.ts', "export { start } from './temporal/worker.js';", /may load/],
    ['src/offline-store/point-in-time.ts', "import { Lake } from '../lake/lake.js';", /pure/],
    ['workflows/x.ts', "import fs from 'node:fs';", /deterministic/],
    ['workflows/x.ts', "import { steps } from '../activities/index.js';", /import type/],
    ['feature_repo/x.ts', "import { entity } from '../src/index.js';", /nothing of ours/],
    ['src/lake/x.ts', "import 'left-pad';", /no room owns it/],
    ['src/kitchen/x.ts', "import '../errors.js';", /not in test\/architecture/],
  ])('catch %s: %s', (from, source, reason) => {
    expect(verdict(from, source)).toMatch(reason);
  });

  it.each([
    ['src/registry/x.ts', "import type { FeatureRepo } from '../feature-repo/index.js';"],
    ['workflows/x.ts', "import type {\n  A,\n  B,\n} from '../activities/index.js';"],
    ['src/definitions/x.ts', "// import { Lake } from '../lake/index.js';"],
    ['src/definitions/x.ts', '  const text = "import { x } from \'lmdb\'";'],
    ['src/feature-store.ts', "type S = typeof import('./temporal/worker.js');"],
  ])('let pass %s: %s', (from, source) => {
    expect(verdict(from, source)).toBeUndefined();
  });

  it('find a cycle, not one of types', () => {
    const of = (type: string) => [
      ...importsOf('src/lake/a.ts', "import { b } from './b.js';"),
      ...importsOf('src/lake/b.ts', `import ${type}{ a } from './a.js';`),
    ];
    expect(cycles(of(''))).toEqual([['src/lake/a.ts', 'src/lake/b.ts', 'src/lake/a.ts']]);
    expect(cycles(of('type '))).toEqual([]);
  });
});
