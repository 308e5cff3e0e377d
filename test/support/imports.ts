import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** One import of a source file. */
export interface Import {
  /** Relative to the root, with slashes: `src/lake/lake.ts`. */
  readonly from: string;
  /** A file like `from`, or a package or Node module as written: `lmdb`, `node:fs`. */
  readonly to: string;
  /** Erased by the compiler. */
  readonly typesOnly: boolean;
  /** `await import(…)`: happens later, so it takes part in no cycle. */
  readonly lazy: boolean;
}

const statement = /^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s*)?['"]([^'"\n]+)['"]/gm;
const dynamic = /\bimport\(\s*['"]([^'"\n]+)['"]\s*\)/g;

/** The imports of a TypeScript source, by its syntax. Statements start at the beginning of a line, as the formatter has them. */
export function importsOf(from: string, source: string): Import[] {
  const code = source.replace(/^\s*(?:\/\/.*|\/?\*.*)$/gm, '');
  const at = (to: string) =>
    to.startsWith('.') ? path.posix.join(path.posix.dirname(from), to).replace(/\.js$/, '.ts') : to;
  const statements = [...code.matchAll(statement)]
    .filter(([text]) => !text.startsWith('export') || /\sfrom\s/.test(text))
    .map(([, type, to = '']) => ({ from, to: at(to), typesOnly: type !== undefined, lazy: false }));
  // `typeof import('…')` is a type.
  const lazy = [...code.replace(/typeof\s+import\([^)]*\)/g, '').matchAll(dynamic)].map(([, to = '']) => ({
    from,
    to: at(to),
    typesOnly: false,
    lazy: true,
  }));
  return [...statements, ...lazy];
}

/** All TypeScript files below some folders of the root, relative to it; a folder that is not there has none. */
export function sourceFiles(root: string, folders: readonly string[]): string[] {
  return folders.flatMap((folder) => {
    if (!existsSync(path.join(root, folder))) return [];
    return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
      const file = path.posix.join(folder, entry.name);
      if (entry.isDirectory()) return sourceFiles(root, [file]);
      return entry.name.endsWith('.ts') ? [file] : [];
    });
  });
}

export const readSource = (root: string, file: string): string => readFileSync(path.join(root, file), 'utf8');

/** The cycles among files that load each other, each as the way around; types and lazy imports load nothing. */
export function cycles(imports: readonly Import[]): string[][] {
  const next = new Map<string, string[]>();
  for (const { from, to, typesOnly, lazy } of imports) {
    if (!typesOnly && !lazy) next.set(from, [...(next.get(from) ?? []), to]);
  }
  const found: string[][] = [];
  const done = new Set<string>();
  const visit = (file: string, way: readonly string[]): void => {
    const seen = way.indexOf(file);
    if (seen >= 0) found.push([...way.slice(seen), file]);
    if (seen >= 0 || done.has(file)) return;
    for (const to of next.get(file) ?? []) visit(to, [...way, file]);
    done.add(file);
  };
  for (const file of next.keys()) visit(file, []);
  return found;
}
