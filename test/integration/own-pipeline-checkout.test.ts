import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const checkout = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** In a checkout the built-ins' folders and the project's are one: a file beside them is found without being named anywhere. */
describe('a pipeline of its own in a checkout of asof', () => {
  let root: string;
  beforeAll(() => {
    root = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'asof-checkout-')));
    for (const part of [
      ...['bin', 'src', 'workflows', 'activities', 'feature_repo', 'data'],
      ...['package.json', 'tsconfig.json'],
    ])
      cpSync(path.join(checkout, part), path.join(root, part), { recursive: true });
    symlinkSync(realpathSync(path.join(checkout, 'node_modules')), path.join(root, 'node_modules'));
    writeFileSync(
      path.join(root, 'activities/count-files.ts'),
      "import { step } from './lib/index.js';\nexport const countFiles = step(async () => ({ rowsIn: 1, rowsOut: 1 }));\n",
    );
    writeFileSync(
      path.join(root, 'workflows/count-files.ts'),
      `import type * as mine from '../activities/count-files.js';
import { type PipelineInput, pipelineRun, proxySteps } from './lib/index.js';
const own = proxySteps<typeof mine>();
export const countFiles = (input: PipelineInput) =>
  pipelineRun(input, async (run) => {
    await run.step('count files', (resume) => own.countFiles({ ...run.target, resume }));
  });
`,
    );
    writeFileSync(
      path.join(root, 'feature_repo/more-pipelines.ts'),
      "import { pipeline } from 'asof';\nexport const countFiles = pipeline({ name: 'count_files', workflow: 'countFiles' });\n",
    );
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  it('is found, bound and bundled', () => {
    const script = path.join(root, 'look.mts');
    writeFileSync(
      script,
      `import { readFileSync } from 'node:fs';
import { projectActivities } from './src/cli/project-activities.ts';
import { openFeatureStore } from './src/index.ts';
import { checkWorkflows } from './src/temporal/index.ts';
import { workflowBundle } from './src/temporal/workflow-bundle.ts';
const store = await openFeatureStore('feature_repo');
await checkWorkflows(store.repo);
const activities = await projectActivities({ store, shutdown: new AbortController().signal });
const { codePath } = await workflowBundle(store.repo.projectRoot, '.asof/cache');
console.log(JSON.stringify({ activities: Object.keys(activities), isBundled: /exports.countFiles =/.test(readFileSync(codePath, 'utf8')) }));
await store.close();
`,
    );
    const output = execFileSync(process.execPath, ['--import', 'tsx', script], {
      cwd: root,
      encoding: 'utf8',
      timeout: 110_000,
    });
    const { activities, isBundled } = JSON.parse(output) as { activities: string[]; isBundled: boolean };
    expect(activities).toEqual(expect.arrayContaining(['openRun', 'ingest', 'countFiles']));
    expect(new Set(activities).size).toBe(activities.length);
    expect(isBundled).toBe(true);
  });

  it('is planned by the command line of the checkout, without a build', () => {
    const output = execFileSync(process.execPath, ['bin/asof.js', 'plan', '--json'], {
      cwd: root,
      encoding: 'utf8',
      timeout: 110_000,
    });
    const { changes } = JSON.parse(output) as { changes: unknown[] };
    expect(changes).toContainEqual(expect.objectContaining({ kind: 'pipeline', name: 'count_files', action: 'add' }));
  });

  it('has types that fit', () => {
    const compiler = path.join(checkout, 'node_modules/typescript/bin/tsc');
    const build = JSON.stringify({ extends: './tsconfig.json', include: ['workflows', 'activities'] });
    writeFileSync(path.join(root, 'tsconfig.own.json'), build);
    execFileSync(process.execPath, [compiler, '--noEmit', '-p', 'tsconfig.own.json'], {
      cwd: root,
      stdio: 'pipe',
      timeout: 110_000,
    });
  });
});
