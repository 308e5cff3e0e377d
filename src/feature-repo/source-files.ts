import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

const loadable = /\.(ts|mts|js|mjs)$/;
const left = /(\.d\.m?ts|\.(test|spec)\.\w+)$/;
const leftFolders = new Set(['node_modules', '__tests__', 'test', 'tests']);

export const isLoadable = (name: string): boolean => loadable.test(name) && !left.test(name);

/** The files of a feature repository that are loaded, sorted: no declarations, tests, hidden files or installed packages. */
export function definitionFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.'))
    .flatMap((entry) => {
      const full = path.join(folder, entry.name);
      // A linked folder could lead back to its parent; a linked file is fine.
      if (entry.isDirectory()) return leftFolders.has(entry.name) ? [] : definitionFiles(full);
      return isLoadable(entry.name) && statSync(full).isFile() ? [full] : [];
    })
    .sort();
}

const importPattern =
  /\b(?:import|export)\s*(?!\s*type\b)(?:[^'";]*?[\s}*]from\s*)?['"](\.[^'"\n]*)['"]|\b(?:import|require)\s*\(\s*['"](\.[^'"\n]*)['"]\s*\)/g;

const withoutComments = (code: string): string =>
  code.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');

/** The files that a file imports by relative paths, as they lie on disk. Imports of types only leave no trace at run time. */
export function relativeImports(file: string): string[] {
  const found = [...withoutComments(readFileSync(file, 'utf8')).matchAll(importPattern)]
    .map((match) => resolveImport(path.dirname(file), (match[1] ?? match[2]) as string))
    .filter((imported) => imported !== undefined);
  return [...new Set(found)].sort();
}

/** The file a relative import means: `./entities.js` may mean entities.ts: TypeScript writes the name of the compiled file. */
export function resolveImport(folder: string, specifier: string): string | undefined {
  const target = path.resolve(folder, specifier);
  const typescript = target.replace(/\.(m?)js$/, '.$1ts');
  const candidates = [
    typescript,
    target,
    ...['.ts', '.mts', '.js', '.mjs', '.json'].map((ending) => target + ending),
    ...['index.ts', 'index.mts', 'index.js', 'index.mjs'].map((index) => path.join(target, index)),
  ];
  return candidates.find((candidate) => existsSync(candidate) && statSync(candidate).isFile());
}

/** A file and everything it imports by relative paths, directly or not; sorted. */
export function importClosure(file: string): string[] {
  const seen = new Set<string>();
  const visit = (next: string): void => {
    if (seen.has(next)) return;
    seen.add(next);
    if (!next.endsWith('.json')) relativeImports(next).forEach(visit);
  };
  visit(file);
  return [...seen].sort();
}

/** A hash of the files' contents and of their places below `root`, the same on every machine. */
export function hashFiles(root: string, files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of [...files].sort()) {
    hash.update(`${path.relative(root, file).split(path.sep).join('/')}\0`);
    hash.update(createHash('sha256').update(readFileSync(file)).digest());
  }
  return hash.digest('hex').slice(0, 32);
}
