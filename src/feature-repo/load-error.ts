import { readFileSync } from 'node:fs';
import path from 'node:path';
import { AsofError, DefinitionError } from '../errors.js';

/** What the translation of an error needs to know about the load. */
export interface LoadPlace {
  /** The file that was being loaded; the fault may lie in one it imports. */
  readonly file: string;
  /** Where the loaded files lie. */
  readonly folder: string;
  readonly projectRoot: string;
  /** What `asof` exports, to name a misspelt import. */
  readonly modules: Readonly<Record<string, object>>;
}

/**
 * Turns whatever a definition file threw into a DefinitionError that shows the file's own fault: its message, the file and the
 * line (and the column, where the error gives that of the source and not of the compiled code).
 */
export function loadError(error: unknown, place: LoadPlace): DefinitionError {
  const { message } = error instanceof Error ? error : { message: String(error) };
  const syntax = /^(?:\w*Error: )?([\s\S]*?)\s*\n\s*(\/[^\n]*|[A-Za-z]:[^\n]*):(\d+):(\d+)\s*$/.exec(message);
  if (syntax !== null) {
    const [, what = '', file = '', line, column] = syntax;
    return new DefinitionError(what.trim(), {
      where: `${shown(place, file)}:${line}:${Number(column) + 1}`,
      mend: 'correct the syntax there',
      cause: error,
    });
  }
  const missing = /^Cannot find (?:module|package) '([^']+)'/.exec(message)?.[1];
  if (missing !== undefined) return missingModule(error as Error, missing, place);
  const where = frame(error, place) ?? shown(place, place.file);
  if (error instanceof AsofError) {
    return new DefinitionError(error.message, { where, cause: error, ...(error.mend && { mend: error.mend }) });
  }
  const [, variable, misspelt = ''] = /\(0 ?, ?_(\w+?)\d*\.(\w+)\) is not a function/.exec(message) ?? [];
  const [module, exports] = Object.entries(place.modules).find(([name]) => path.basename(name) === variable) ?? [];
  if (exports !== undefined && !(misspelt in exports)) {
    const near = Object.keys(exports).filter((name) => distance(name.toLowerCase(), misspelt.toLowerCase()) <= 3);
    return new DefinitionError(`${module} exports no "${misspelt}"`, {
      where,
      mend: near.length === 0 ? 'check the import' : `did you mean ${near.join(' or ')}?`,
      cause: error,
    });
  }
  const name = error instanceof Error && error.name !== 'Error' ? `${error.name}: ` : '';
  return new DefinitionError(`${name}${message}`, {
    where,
    mend: 'the file failed while it was loaded; correct it there',
    cause: error,
  });
}

function missingModule(
  error: Error & { requireStack?: string[] },
  specifier: string,
  place: LoadPlace,
): DefinitionError {
  const file = error.requireStack?.[0] ?? place.file;
  const mend = specifier.startsWith('.')
    ? 'correct the path; it starts at the folder of the importing file'
    : specifier.startsWith('asof/')
      ? `import everything from ${Object.keys(place.modules)
          .filter((name) => name.startsWith('asof'))
          .map((name) => `'${name}'`)
          .join(' or ')}`
      : `install it: npm install ${specifier} (in ${place.projectRoot}), or do without it`;
  const line = lineOf(file, specifier);
  return new DefinitionError(`can't find what it imports: '${specifier}'`, {
    where: `${shown(place, file)}${line === undefined ? '' : `:${line}`}`,
    mend,
    cause: error,
  });
}

/** `feature_repo/features.ts`: as seen from the project root. */
const shown = ({ projectRoot }: LoadPlace, file: string): string => path.relative(projectRoot, file) || file;

/** The innermost place in the repository that the stack names. Lines are those of the source, columns are not. */
function frame(error: unknown, place: LoadPlace): string | undefined {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  for (const [, file = '', line] of stack.matchAll(/^\s+at .*?((?:\/|[A-Za-z]:\\)[^()\n]*?):(\d+):\d+\)?$/gm)) {
    const inside = path.relative(place.folder, file);
    if (!inside.startsWith('..') && !path.isAbsolute(inside)) return `${shown(place, file)}:${line}`;
  }
  return undefined;
}

function lineOf(file: string, text: string): number | undefined {
  try {
    const before = readFileSync(file, 'utf8').split(
      new RegExp(`['"]${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}['"]`),
      1,
    )[0];
    return before === undefined ? undefined : before.split('\n').length;
  } catch {
    return undefined;
  }
}

/** Number of single-letter edits between two words. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const swap = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
