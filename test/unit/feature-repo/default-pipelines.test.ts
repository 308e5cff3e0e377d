import { describe, expect, it } from 'vitest';
import { describeError } from '../../../src/errors.js';
import { pipelineSpec } from '../../../src/registry/spec.js';
import { load, smallRepo, tempRepo } from './support.js';

const config = (more: string): Record<string, string> => ({
  'feature-store.ts': `import { featureStoreConfig } from 'asof';
export default featureStoreConfig({ project: 'small', ${more} });
`,
});
const own = (definition: string): Record<string, string> => ({
  'own.ts': `import { daily, pipeline } from 'asof';
export const own = pipeline(${definition});
`,
});
const pipelinesOf = async (files: Record<string, string>): Promise<string[]> =>
  [...(await load(tempRepo({ ...smallRepo, ...files }))).pipelines.keys()].sort();

describe('pipelines that come with asof', () => {
  it('are there without being defined, and look like any other, with a tag that says where they come from', async () => {
    const { pipelines } = await load(tempRepo(smallRepo));
    expect([...pipelines.keys()].sort()).toEqual(['check_freshness', 'maintain_lake', 'nightly']);
    const specs = ['maintain_lake', 'check_freshness']
      .map((name) => pipelines.get(name))
      .map((p) => p && pipelineSpec(p));
    expect(specs).toMatchObject([
      { workflow: 'maintainLake', schedule: { type: 'every', everyMs: 600_000 }, catchup: false, tags: ['built-in'] },
      { workflow: 'checkFreshness', schedule: { type: 'every', everyMs: 900_000 }, catchup: false, tags: ['built-in'] },
    ]);
    // Absent = skip.
    expect(specs.map((spec) => spec?.overlap)).toEqual([undefined, undefined]);
  });

  it('make way for a pipeline of the project with the same workflow, whatever its name', async () => {
    const upkeep = own(`{ name: 'tidy', workflow: 'maintainLake', schedule: daily() }`);
    expect(await pipelinesOf(upkeep)).toEqual(['check_freshness', 'nightly', 'tidy']);
    const same = own(`{ name: 'check_freshness', workflow: 'checkFreshness', args: { failOn: true } }`);
    expect(await pipelinesOf(same)).toEqual(['check_freshness', 'maintain_lake', 'nightly']);
  });

  it.each([
    ['defaultPipelines: false', ['nightly']],
    ['defaultPipelines: true', ['check_freshness', 'maintain_lake', 'nightly']],
    ['defaultPipelines: { check_freshness: false }', ['maintain_lake', 'nightly']],
    ['defaultPipelines: { maintain_lake: false, check_freshness: true }', ['check_freshness', 'nightly']],
  ])('are left out by %s', async (setting, expected) => {
    expect(await pipelinesOf(config(setting))).toEqual(expected);
  });

  it.each([
    ["defaultPipelines: 'none'", /defaultPipelines is "none".*\n.*defaultPipelines: \{ check_freshness: false \}/],
    ['defaultPipelines: null', /defaultPipelines is null/],
    ["defaultPipelines: { check_freshness: 'no' }", /defaultPipelines is \{"check_freshness":"no"\}/],
    [
      'defaultPipelines: { check_freshnes: false }',
      /unknown field "check_freshnes".*\n.*maintain_lake, check_freshness/,
    ],
  ])('refuse %s', async (setting, pattern) => {
    expect(await pipelinesOf(config(setting)).then(() => '', describeError)).toMatch(pattern);
  });

  it('keep their names to themselves, unless they are switched off', async () => {
    const clash = own(`{ name: 'Maintain_Lake', workflow: 'dbToOfflineStore', args: { views: ['sales'] } }`);
    const error = await pipelinesOf(clash).then(() => '', describeError);
    expect(error).toMatch(
      /pipeline "Maintain_Lake": it has the name of a pipeline that comes with asof, which runs maintainLake/,
    );
    expect(error).toMatch(/→ rename it, or .* defaultPipelines: \{ maintain_lake: false \}/);
    const off = config('defaultPipelines: { maintain_lake: false }');
    expect(await pipelinesOf({ ...clash, ...off })).toEqual(['Maintain_Lake', 'check_freshness', 'nightly']);
  });
});
