import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const checkout = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const variable = 'ASOF_TEST_BUILD';

/**
 * asof as a release has it, and the programs of the tests, compiled once for the whole run: from TypeScript each of the hundreds of
 * processes that tests start would compile them again, which takes longer than what it is started for.
 */
export interface Build {
  /** Compiles again, after edits. @throws Error with what the compiler says. */
  compile(): Promise<void>;
  remove(): void;
}

export async function makeBuild(): Promise<Build> {
  const folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'asof-build-')));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const compile = async (): Promise<void> => {
    const compiler = path.join(checkout, 'node_modules/typescript/bin/tsc');
    const project = path.join(checkout, 'test/support/tsconfig.build.json');
    const args = [compiler, '--project', project, '--outDir', path.join(folder, 'dist')];
    await promisify(execFile)(process.execPath, args).catch((error: { stdout: string }) => {
      throw new Error(`asof does not compile:\n${error.stdout}`);
    });
  };
  try {
    for (const part of ['bin', 'data', 'package.json'])
      cpSync(path.join(checkout, part), path.join(folder, part), { recursive: true });
    symlinkSync(realpathSync(path.join(checkout, 'node_modules')), path.join(folder, 'node_modules'));
    await compile();
  } catch (error) {
    remove();
    throw error;
  }
  process.env[variable] = folder;
  return { compile, remove };
}

function built(file: string): string {
  const folder = process.env[variable];
  if (folder === undefined) throw new Error('nothing is built; the global set-up of the tests does it');
  return path.join(folder, file);
}

/** What `asof` runs. */
export const builtAsof = (): string => built('bin/asof.js');

/** Where workers of all tests keep bundled workflows: most projects have the same. */
export const bundleCache = (): string => built('bundles');

/** A compiled program of the tests. @param source e.g. `test/support/worker-process.ts`. */
export const builtProgram = (source: string): string => built(path.join('dist', source.replace(/\.ts$/, '.js')));
