import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runPostgres } from '../../src/toolchain/services/index.js';
import { type CliResult, expectRefused, runCli, type SampleProject, sampleProject } from '../support/cli.js';
import { lacks, startPostgres, type TestPostgres } from '../support/services.js';

describe.skipIf(lacks('postgres'))('asof services prepare', () => {
  let project: SampleProject;
  let postgres: TestPostgres;

  beforeAll(async () => {
    project = sampleProject();
    postgres = await startPostgres();
  });
  afterAll(async () => {
    await postgres?.close();
    project.close();
  });

  const prepare = (env: Record<string, string>): Promise<CliResult> =>
    runCli(['services', 'prepare', '--json'], { cwd: project.root, env });
  const catalogOnly = (url: string) => ({ ASOF_CATALOG_URL: url, ASOF_SHARED_PATH: project.root });

  it('makes databases and the sample once, whoever is at it too', async () => {
    const env = { ...catalogOnly(postgres.url('catalog')), ASOF_SOURCE_URL: postgres.url('sample') };
    const both = await Promise.all([prepare(env), prepare(env)]);
    expect(both.map(({ code, stderr }) => [code, stderr])).toEqual([
      [0, ''],
      [0, ''],
    ]);
    const done = both.flatMap((result) => result.json<{ done: string[] }>().done);
    expect(done.filter((line) => /1,807 rows/.test(line))).toHaveLength(1);
    expect((await prepare(env)).json()).toEqual({ done: [] });
    const sample = { port: postgres.port, password: postgres.password, database: 'sample' };
    expect(await runPostgres(sample, 'SELECT count(*)::int AS n FROM driver_stats')).toEqual([{ n: 1_807 }]);
  });

  it('has nothing to do for embedded engines', async () => {
    expect((await prepare({})).json()).toEqual({ done: [] });
  });

  it('says which variable leads nowhere, without the password', async () => {
    const plain = (env: Record<string, string>) => runCli(['services', 'prepare'], { cwd: project.root, env });
    const wrong = postgres.url('catalog').replace(postgres.password, 'topsecret');
    const refused = await plain(catalogOnly(wrong));
    expectRefused(
      refused,
      4,
      /database of ASOF_CATALOG_URL.*password authentication failed/,
      /ASOF_CATALOG_URL are right/,
    );
    const gone = await plain(catalogOnly('postgres://postgres:topsecret@127.0.0.1:1/catalog'));
    expectRefused(gone, 4, /127\.0\.0\.1:1\/catalog.*ECONNREFUSED/);
    const noUrl = await plain(catalogOnly('topsecret'));
    expectRefused(noUrl, 2, /ASOF_CATALOG_URL: is no URL of a Postgres database/);
    for (const { stderr } of [refused, gone, noUrl]) expect(stderr).not.toContain('topsecret');
  });

  it('needs no right to make databases where they are there', async () => {
    const admin = { port: postgres.port, password: postgres.password };
    await runPostgres(admin, `CREATE ROLE plain LOGIN PASSWORD 'plain'`);
    await runPostgres(admin, 'CREATE DATABASE plain_catalog OWNER plain');
    await runPostgres(admin, 'REVOKE CONNECT ON DATABASE postgres FROM PUBLIC');
    const as = (database: string) => `postgres://plain:plain@127.0.0.1:${postgres.port}/${database}`;
    expect((await prepare(catalogOnly(as('plain_catalog')))).code).toBe(0);
    const refused = await runCli(['services', 'prepare'], { cwd: project.root, env: catalogOnly(as('other')) });
    expectRefused(refused, 4, /permission denied/, /CREATEDB/);
  });
});
