import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, '../..');
const folder = mkdtempSync(path.join(os.tmpdir(), 'asof-types-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The compiler's output for these files, as a user's editor would show it; empty = no error. */
function compile(files: readonly string[]): Promise<string> {
  const config = path.join(folder, `tsconfig.${Math.random().toString(36).slice(2)}.json`);
  const compilerOptions = {
    noEmit: true,
    rootDir: path.parse(folder).root,
    typeRoots: [path.join(root, 'node_modules/@types')],
    paths: { asof: [path.join(root, 'src/index.ts')] },
  };
  writeFileSync(
    config,
    JSON.stringify({ extends: path.join(root, 'tsconfig.json'), compilerOptions, include: [], files }),
  );
  const tsc = path.join(path.dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [tsc, '-p', config, '--pretty', 'false'], (error, stdout, stderr) => {
      if (error !== null && stdout === '') reject(new Error(stderr || error.message));
      else resolve(stdout);
    });
  });
}

async function messageFor(name: string, mistake: string): Promise<string> {
  const file = path.join(folder, `${name}.mts`);
  writeFileSync(file, `${prelude}${mistake}\nexport {};\n`);
  return compile([file]);
}

const prelude = `import { entity, type EntityKeys, featureService, featureView, fileSource, float32, int32, int64, kafkaSource, streamFeatureView, timestamp } from 'asof';
const driver = entity({ name: 'driver', joinKeys: { driver_id: int64() } });
const file = fileSource({ name: 'stats', path: 'stats.parquet', timestampField: 'at' });
const features = { conv_rate: float32(), acc_rate: float32() };
const driverStats = featureView({ name: 'driver_stats', entities: [driver], source: file, features });
const topic = kafkaSource({ topic: 'stats', event: { driver_id: int64(), at: timestamp(), rate: float32() }, timestampField: 'at' });
void [int32, streamFeatureView, driverStats, topic];
`;

describe('types', () => {
  it('infer rows, and refuse what they should', async () => {
    expect(await compile([path.join(here, 'rows.test-d.ts')])).toBe('');
  });

  it('accept a correct feature repository', async () => {
    const repo = path.join(root, 'feature_repo');
    const names = ['data-sources', 'entities', 'feature-services', 'feature-store', 'features', 'pipelines'];
    expect(await compile(names.map((name) => path.join(repo, `${name}.ts`)))).toBe('');
  });
});

describe('compile errors say what is wrong', () => {
  it('an unknown feature: its name and those there are', async () => {
    const message = await messageFor('unknown-feature', "driverStats.pick('conv_rat');");
    expect(message).toContain(`'"conv_rat"' is not assignable to parameter of type`);
    expect(message).toContain('"conv_rate"');
    expect(message).toContain('"acc_rate"');
  });

  it('a missing join key: its name', async () => {
    const message = await messageFor(
      'missing-key',
      `const service = featureService({ name: 's', features: [driverStats] });
const keys: EntityKeys<typeof service> = {};
void keys;`,
    );
    expect(message).toContain("Property 'driver_id' is missing in type '{}'");
  });

  it('a request without its join key: its name, online and in history', async () => {
    const message = await messageFor(
      'request-without-key',
      `const service = featureService({ name: 's', features: [driverStats] });
declare const store: import('asof').FeatureStore;
void store.getOnlineFeatures(service, [{ driver: 1 }]);
void store.getHistoricalFeatures(service, [{ driver_id: 'x', event_timestamp: new Date() }]);`,
    );
    expect(message).toContain("'driver' does not exist in type '{ driver_id: number; }'");
    expect(message).toContain("Type 'string' is not assignable to type 'number'");
  });

  it('nothing for requests that are right: typed rows, and untyped ones for strings', async () => {
    const message = await messageFor(
      'right-requests',
      `const service = featureService({ name: 's', features: [driverStats] });
declare const store: import('asof').FeatureStore;
const [row] = await store.getOnlineFeatures(service, [{ driver_id: 1 }]);
const rate: number | null | undefined = row?.conv_rate;
const [trained] = await store.getHistoricalFeatures(service, [{ driver_id: 1, event_timestamp: new Date(), label: 'a' }]);
const label: string | undefined = trained?.label;
const fromFile = await store.getHistoricalFeatures(service, 'orders.csv');
const byName = await store.getOnlineFeatures(store.service('s'), [{ driver_id: 1 }]);
const byReference = await store.getOnlineFeatures(['driver_stats:conv_rate'], [{ driver_id: 1 }], { fullFeatureNames: true });
void [rate, label, fromFile, byName, byReference];`,
    );
    expect(message).toBe('');
  });

  it('a transform that misses an output: its name', async () => {
    const message = await messageFor(
      'missing-output',
      `streamFeatureView({ name: 's', entities: [driver], source: topic, features, transform: ({ rate }) => ({ conv_rate: rate }) });`,
    );
    expect(message).toContain("Property 'acc_rate' is missing in type '{ conv_rate: number; }'");
  });

  it('one feature name from two views: a sentence with the mend', async () => {
    const message = await messageFor(
      'duplicate',
      `const other = featureView({ name: 'other', entities: [driver], source: file, features: { conv_rate: float32() } });
featureService({ name: 's', features: [driverStats, other] });`,
    );
    expect(message).toContain('feature \\"conv_rate\\" comes from two views; rename one with .prefixed()');
  });

  it('a timestamp that is no field of the event: the fields there are', async () => {
    const message = await messageFor(
      'timestamp',
      `kafkaSource({ topic: 't', event: { a: int64(), at: timestamp() }, timestampField: 'when' });`,
    );
    expect(message).toContain(`'"when"' is not assignable to type '"a" | "at"'`);
  });
});
