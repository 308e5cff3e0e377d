import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export type CodeKind = 'workflows' | 'activities';

/** A file of workflows or of steps. */
export interface CodeFile {
  readonly file: string;
  /** As shown to people, e.g. `workflows/score-drivers.ts`. */
  readonly shown: string;
  readonly builtIn: boolean;
}

const code = /\.[cm]?[jt]s$/;
const left = /^([._]|index\.)|\.d\.[cm]?ts$|\.(test|spec)\.[cm]?[jt]s$/;

/** The folder of the built-ins: sources in a checkout, compiled files in a release. */
const builtInFolder = (kind: CodeKind): string => fileURLToPath(new URL(`../../${kind}`, import.meta.url));

/** The folder where a project keeps its own, whether it is there or not. */
export const ownFolder = (projectRoot: string, kind: CodeKind): string => path.join(projectRoot, kind);

/**
 * The files that each hold a workflow or a step: the built-ins', then those of the project, sorted. What lies in subfolders, begins
 * with `_` or `.`, or is an index, a test or a declaration is no entry. In this repository both folders are one.
 */
export function codeFiles(projectRoot: string, kind: CodeKind): CodeFile[] {
  const builtIn = builtInFolder(kind);
  const own = ownFolder(projectRoot, kind);
  const files = filesIn(builtIn).map((file) => ({
    file,
    shown: `asof's ${kind}/${path.basename(file)}`,
    builtIn: true,
  }));
  if (!existsSync(own) || !statSync(own).isDirectory() || realpathSync(own) === realpathSync(builtIn)) return files;
  return [...files, ...filesIn(own).map((file) => ({ file, shown: path.relative(projectRoot, file), builtIn: false }))];
}

function filesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => code.test(name) && !left.test(name))
    .map((name) => path.join(folder, name))
    .filter((file) => statSync(file).isFile())
    .sort();
}
