import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { DefinitionError } from '../../../src/errors.js';
import { resolveProject } from '../../../src/feature-repo/index.js';
import { load, smallRepo, tempRepo } from './support.js';

async function failure(work: () => Promise<unknown>): Promise<DefinitionError> {
  try {
    await work();
  } catch (error) {
    expect(error).toBeInstanceOf(DefinitionError);
    return error as DefinitionError;
  }
  throw new Error('it did not fail');
}

const failureOf = (files: Record<string, string>) => failure(() => load(tempRepo({ ...smallRepo, ...files })));

describe('a folder that is no feature repository', () => {
  it('is missing', async () => {
    const error = await failure(() => load('/no/such/folder'));
    expect(error.message).toContain('/no/such/folder');
    expect(error.mend).toContain('--repo <dir>');
  });

  it('is a file', () => {
    const file = path.join(tempRepo(smallRepo), 'features.ts');
    expect(() => resolveProject(file)).toThrow(/is a file, not a folder/);
  });

  it('holds no definitions', async () => {
    const error = await failure(() => load(tempRepo({ 'README.md': '# empty' })));
    expect(error.message).toContain('no definition files');
    expect(error.mend).toContain('--repo');
  });

  it('has its project root at the nearest package.json', () => {
    const repoDir = tempRepo({ 'deep/repo/features.ts': '' });
    writeFileSync(path.join(repoDir, 'package.json'), '{}');
    expect(resolveProject(path.join(repoDir, 'deep/repo')).projectRoot).toBe(repoDir);
  });
});

describe('a definition file that can not be loaded', () => {
  it('does not compile: its own error, file, line and column', async () => {
    const error = await failureOf({ 'broken.ts': "export const a = 1;\nexport const b = {\n  c: f('x',\n};\n" });
    expect(error.where).toBe('definitions/broken.ts:4:1');
    expect(error.message).toContain('Unexpected token');
    expect(error.message).not.toContain('node_modules');
  });

  it('throws: its own message, file and line', async () => {
    const error = await failureOf({ 'broken.ts': "const x: number = 1;\n\nthrow new RangeError('too many shops');\n" });
    expect(error.where).toBe('definitions/broken.ts:3');
    expect(error.message).toContain('RangeError: too many shops');
  });

  it('throws inside a file that it imports: the innermost place', async () => {
    const error = await failureOf({
      'a.ts': "import { f } from './lib/b.js';\nexport const a = f();\n",
      'lib/b.ts': "export function f(): number {\n  throw new Error('from b');\n}\n",
    });
    expect(error.where).toBe('definitions/lib/b.ts:2');
    expect(error.message).toContain('from b');
  });

  it('throws something that is no Error', async () => {
    const error = await failureOf({ 'broken.ts': "throw 'a string';" });
    expect(error.where).toBe('definitions/broken.ts');
    expect(error.message).toContain('a string');
  });

  it('holds a wrong definition: its message and mend, with file and line', async () => {
    const error = await failureOf({
      'broken.ts':
        "import { entity, int64 } from 'asof';\n\nexport const e = entity({ name: 'a b', joinKeys: { id: int64() } });\n",
    });
    expect(error.where).toBe('definitions/broken.ts:3');
    expect(error.message).toContain('entity "a b"');
    expect(error.mend).toContain('letters, digits and underscores');
  });

  it('misspells an import from asof: says so, and what was meant', async () => {
    const error = await failureOf({
      'broken.ts':
        "import { entitty, int64 } from 'asof';\nexport const e = entitty({ name: 'a', joinKeys: { id: int64() } });\n",
    });
    expect(error.message).toContain('asof exports no "entitty"');
    expect(error.mend).toBe('did you mean entity?');
    expect(error.where).toBe('definitions/broken.ts:2');
  });

  it.each([
    ["import { x } from './missing.js';", "'./missing.js'", 'correct the path'],
    ["import { x } from 'asof/definitions';", "'asof/definitions'", "import everything from 'asof'"],
    [
      "import { x } from 'some-package-nobody-has';",
      "'some-package-nobody-has'",
      'npm install some-package-nobody-has',
    ],
  ])('imports what is not there: %s', async (line, what, mend) => {
    const error = await failureOf({ 'broken.ts': `export const y = 1;\n${line}\nexport const z = x;\n` });
    expect(error.where).toBe('definitions/broken.ts:2');
    expect(error.message).toContain(what);
    expect(error.mend).toContain(mend);
  });
});

describe('definitions that do not fit together', () => {
  const view = (name: string, as = name) => `import { featureView, fileSource, float32 } from 'asof';
import { shop } from './entities.js';
${as === '' ? '' : `export const ${as} =`} featureView({ name: '${name}', entities: [shop], features: { x: float32() },
  source: fileSource({ name: 'file_of_${name.toLowerCase()}', path: 'x.csv', timestampField: 'at' }) });
`;

  it('lack a configuration', async () => {
    const error = await failure(() => load(tempRepo({ 'entities.ts': smallRepo['entities.ts'] })));
    expect(error.message).toContain('configuration of the feature store');
    expect(error.mend).toContain("featureStoreConfig({ project: 'my_project' })");
  });

  it('have two configurations', async () => {
    const error = await failureOf({
      'other.ts':
        "import { featureStoreConfig } from 'asof'; export default featureStoreConfig({ project: 'second' });",
    });
    expect(error.message).toMatch(
      /"small" in definitions\/feature-store\.ts and of project "second" in definitions\/other\.ts/,
    );
  });

  it('have two views of one name: both files', async () => {
    const error = await failureOf({ 'more.ts': view('sales') });
    expect(error.message).toContain('definitions/features.ts and in definitions/more.ts');
    expect(error.message).toContain('view "sales"');
    expect(error.mend).toContain('rename one');
  });

  it('have two views whose names SQL can not tell apart', async () => {
    const error = await failureOf({ 'more.ts': view('Sales') });
    expect(error.message).toContain('"sales" and "Sales"');
  });

  it('have two entities of one name, one of them only used by a view', async () => {
    const twin = view('more').replace(
      "import { shop } from './entities.js';",
      "import { entity, string } from 'asof';\nconst shop = entity({ name: 'shop', joinKeys: { city: string() } });",
    );
    expect((await failureOf({ 'more.ts': twin })).message).toContain('entity "shop"');
  });

  it('list a view in a service that is not exported', async () => {
    const error = await failureOf({
      'more.ts': `${view('hidden_one', 'hidden').replace('export const', 'const')}
import { featureService } from 'asof';
export const s = featureService({ name: 's', features: [hidden] });`,
    });
    expect(error.message).toContain('feature service "s": it lists view "hidden_one"');
    expect(error.mend).toContain('export const hiddenOne');
  });

  it.each([
    ["{ views: ['salez'] }", '"salez"'],
    ["{ view: 'nope' }", '"nope"'],
    ['{ views: [7] }', '7'],
  ])('name an unknown view in a pipeline: %s', async (args, named) => {
    const error = await failureOf({
      'more.ts': `import { pipeline } from 'asof'; export const p = pipeline({ name: 'p', workflow: 'w', args: ${args} });`,
    });
    expect(error.message).toContain('pipeline "p"');
    expect(error.message).toContain(named);
    expect(error.mend).toContain('sales');
  });

  it('give views that are no list', async () => {
    const error = await failureOf({
      'more.ts':
        "import { pipeline } from 'asof'; export const p = pipeline({ name: 'p', workflow: 'w', args: { views: 'sales' } });",
    });
    expect(error.message).toContain('args.views is not a list');
  });
});
