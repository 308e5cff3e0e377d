import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import vm from 'node:vm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pipeline } from '../../src/definitions/index.js';
import { DefinitionError } from '../../src/index.js';
import { checkWorkflows, workflowNames } from '../../src/project-code/index.js';
import { workflowBundle } from '../../src/temporal/workflow-bundle.js';

/** The kinds of what a bundle gives to the worker, run as the SDK would. */
function bundled(codePath: string): Record<string, string> {
  const sandbox = vm.createContext({ __webpack_module_cache__: {}, TextEncoder, TextDecoder, AbortController });
  vm.runInContext(readFileSync(codePath, 'utf8'), sandbox);
  const { importWorkflows } = sandbox['__TEMPORAL__'] as { importWorkflows(): object };
  return Object.fromEntries(Object.entries(importWorkflows()).map(([name, value]) => [name, typeof value]));
}

describe("a project's own workflows", () => {
  let root: string;
  beforeEach(() => {
    root = realpathSync(mkdtempSync(path.join(os.tmpdir(), `asof-own 'a"b#c-`)));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function write(file: string, content: string): void {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    writeFileSync(path.join(root, file), content);
  }
  const names = async (): Promise<string[]> => {
    const { exported } = await workflowNames(root);
    return [...exported].filter(([, file]) => !file.builtIn).map(([name]) => name);
  };
  const check = (workflow: string): Promise<void> =>
    checkWorkflows({ projectRoot: root, pipelines: new Map([['nightly', pipeline({ name: 'nightly', workflow })]]) });
  const bundle = (): Promise<{ codePath: string }> => workflowBundle(root, path.join(root, '.asof/cache'));
  const refusal = async (work: Promise<unknown>): Promise<{ message: string; mend: string | undefined }> => {
    const error = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(DefinitionError);
    const { message, mend } = error as DefinitionError;
    return { message, mend };
  };

  it('are the built-in ones alone where a project has none', async () => {
    const { exported } = await workflowNames(root);
    expect([...exported.values()].every(({ builtIn }) => builtIn)).toBe(true);
    await check('dbToOfflineStore');
  });

  const forms: [ending: string, source: string][] = [
    ['ts', 'export async function NAME(input: { pipeline: string }): Promise<void> {}'],
    ['ts', 'export const NAME = async (): Promise<void> => undefined;'],
    ['mts', 'const NAME = (async () => 1) satisfies () => Promise<number>;\nexport { NAME };'],
    ['ts', 'async function work() {}\nexport { work as NAME };\nexport type { X } from "./lib/x.js";'],
    ['ts', "export * from './lib/all.js';"],
    ['ts', "export { again as NAME } from './lib/again.js';"],
    ['ts', 'const made = (name: string) => async () => name;\nexport const NAME = made("x");'],
    ['js', 'export async function NAME() {}'],
    ['js', 'exports.NAME = async function () {};\nexports.limit = 3;'],
    ['js', 'const NAME = async () => 1;\nmodule.exports = { NAME, limit: 3 };'],
    ['cjs', 'module.exports.NAME = async () => 1;'],
  ];

  it('are found and bundled however they are exported, as TypeScript and as JavaScript of both kinds', async () => {
    write('package.json', '{ "type": "commonjs" }');
    write('workflows/lib/all.ts', 'export async function workflow4() {}');
    write('workflows/lib/again.ts', 'export const again = async () => 1;');
    for (const [at, [ending, source]] of forms.entries()) {
      const others = /exports[. =]/.test(source)
        ? ''
        : '\nexport const pause = defineSignal("pause");\nexport const limit = 3;\nimport { defineSignal } from "asof/workflow";';
      write(`workflows/${at}.${ending}`, `${source.replaceAll('NAME', `workflow${at}`)}${others}`);
    }
    const expected = forms.map((_, at) => `workflow${at}`);
    expect((await names()).sort()).toEqual(expected.sort());
    await check('workflow3');
    const { codePath } = await bundle();
    const functions = Object.fromEntries([...expected, 'dbToOfflineStore'].map((name) => [name, 'function']));
    expect(bundled(codePath)).toMatchObject(functions);
  });

  it('leave out helpers, tests, declarations and what begins with an underscore', async () => {
    for (const file of ['lib/a.ts', '_b.ts', 'c.test.ts', 'd.d.ts', '.e.ts', 'notes.md'])
      write(`workflows/${file}`, 'export async function helper() {}');
    expect(await names()).toEqual([]);
  });

  it('are bundled anew when one of them, or what it imports, is edited', async () => {
    write('shared.ts', "export const greeting = 'hello one';");
    write('workflows/greet.ts', "import { greeting } from '../shared.js';\nexport const greet = async () => greeting;");
    const { codePath } = await bundle();
    expect(await bundle()).toEqual({ codePath });
    write('shared.ts', "export const greeting = 'hello two';");
    const again = await bundle();
    expect(again.codePath).not.toBe(codePath);
    expect(readFileSync(again.codePath, 'utf8').includes('hello two')).toBe(true);
  });

  it('of one name in two files are refused', async () => {
    write('workflows/a.ts', 'export async function nightly() {}');
    write('workflows/b.js', 'export async function nightly() {}');
    expect(await refusal(bundle())).toEqual({
      message: 'workflow "nightly" is exported by workflows/a.ts and by workflows/b.js',
      mend: expect.stringContaining('rename one of them') as string,
    });
  });

  it('of the name of a built-in are refused', async () => {
    write('workflows/mine.ts', 'export async function dbToOfflineStore() {}');
    expect(await refusal(check('dbToOfflineStore'))).toEqual({
      message: expect.stringMatching(
        /asof's workflows\/db-to-offline-store\.\w+ and by workflows\/mine\.ts$/,
      ) as string,
      mend: 'rename the one in workflows/mine.ts',
    });
  });

  it('that a pipeline names and nobody exports are said, with what there is', async () => {
    write('workflows/nightly.ts', 'export async function nightlyScores() {}\nasync function hidden() {}\nhidden();');
    write('workflows/other.ts', 'export default async function byDefault() {}');
    expect(await refusal(check('nightlyScore'))).toEqual({
      message: 'pipeline "nightly": there is no workflow "nightlyScore"',
      mend: expect.stringMatching(
        /^did you mean "nightlyScores"\? there are .*dbToOfflineStore, .*nightlyScores/,
      ) as string,
    });
    expect(await refusal(check('hidden'))).toEqual({
      message: 'pipeline "nightly": its workflow "hidden" is in workflows/nightly.ts, but not exported by that name',
      mend: 'write there: export async function hidden(…)',
    });
    expect((await refusal(check('byDefault'))).message).toMatch(
      /in workflows\/other\.ts, but not exported by that name/,
    );
  });

  it.each([
    ['export async function a() {\n  return [;\n}', /^workflows\/a\.ts:2: Expression expected/, /syntax/],
    [
      "import { x } from './lib/broken.js';\nexport const a = async () => x;",
      /^workflows\/lib\/broken\.ts:2: /,
      /correct/,
    ],
    [
      "\nimport fs from 'node:fs';\nexport const a = async () => fs.existsSync('/');",
      /^workflows\/a\.ts:2: .*'node:fs'/,
      /activity/,
    ],
    [
      "import { join } from 'path';\nexport const a = async () => join('/');",
      /^workflows\/a\.ts:1: .*'path'/,
      /activity/,
    ],
    [
      "import { DataError } from 'asof';\nexport const a = async () => new DataError('x');",
      /:1: .*'asof'/,
      /asof\/workflow/,
    ],
    ["import { step } from 'asof/activity';\nexport const a = async () => step;", /'asof\/activity'/, /proxySteps/],
    [
      "import { log } from '@temporalio/activity';\nexport const a = async () => log;",
      /'@temporalio\/activity'/,
      /proxySteps/,
    ],
    [
      "import { s } from '../activities/s.js';\nexport const a = async () => s;",
      /'\.\.\/activities\/s\.js'/,
      /import type/,
    ],
    [
      "import { s } from './nowhere.js';\nexport const a = async () => s;",
      /^workflows\/a\.ts:1: .*find.*nowhere/,
      /path/,
    ],
    [
      "import s from 'left-pad-2';\nexport const a = async () => s;",
      /^workflows\/a\.ts:1: .*left-pad-2/,
      /npm install/,
    ],
  ])('say what is wrong in %s', async (source, message, mend) => {
    write('workflows/lib/broken.ts', 'export const x = 1;\nexport const y = (;');
    write('activities/s.ts', 'export const s = async () => 1;');
    write('workflows/a.ts', source);
    const said = await refusal(bundle());
    expect(said.message).toMatch(message);
    expect(said.mend).toMatch(mend);
    expect(`${said.message}${said.mend}`).not.toMatch(/webpack|\n/i);
  });

  it('may import types of what they can not load, and Temporal under its own name', async () => {
    write('activities/s.ts', "import fs from 'node:fs';\nexport const s = async () => fs;");
    write(
      'workflows/a.ts',
      `import { sleep } from '@temporalio/workflow';
import type { Json } from 'asof';
import { type PipelineInput, pipelineRun, proxySteps } from 'asof/workflow';
import type * as own from '../activities/s.js';
const steps = proxySteps<typeof own>();
export async function a(input: PipelineInput, more: Json) {
  await sleep(1);
  return pipelineRun(input, { accepts: ['views'] }, async () => void steps);
}`,
    );
    await bundle();
    expect(await names()).toEqual(['a']);
  });
});
