import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Module, ModuleItem, ParseOptions } from '@swc/core';
import { DefinitionError } from '../errors.js';
import { resolveImport } from '../feature-repo/index.js';
import type { CodeFile } from './code-files.js';
import { commonJsExports, type Exports } from './common-js-exports.js';
import { declarationKinds, type Kind } from './value-kind.js';

/** What a file of workflows has, read from its source: workflows run in Temporal's sandbox and nowhere else. */
export interface ExportedFunctions {
  /** Names exported that are, or may turn out to be, functions. */
  readonly exported: readonly string[];
  /** Functions at the top of the file that are not exported by a name. */
  readonly hidden: readonly string[];
}

/** @throws DefinitionError with file and line for what can't be parsed. */
export async function exportedFunctions(file: CodeFile): Promise<ExportedFunctions> {
  const { body } = await parseFile(file);
  const local = new Map(body.flatMap(declaredBy));
  const exported = new Set<string>();
  for (const item of body) {
    for (const [name, isFunction] of await exportsOf(item, local, file)) if (isFunction) exported.add(name);
  }
  const hidden = [...local].filter(([name, what]) => what === 'function' && !exported.has(name)).map(([name]) => name);
  return { exported: [...exported], hidden };
}

async function parseFile({ file, shown }: CodeFile): Promise<Module> {
  const { parse } = await import('@swc/core');
  const options: ParseOptions = /ts$/.test(file)
    ? { syntax: 'typescript', target: 'es2022', decorators: true }
    : { syntax: 'ecmascript', target: 'es2022' };
  try {
    return await parse(await readFile(file, 'utf8'), options);
  } catch (error) {
    const { what, line } = syntaxError(error);
    throw new DefinitionError(what, {
      where: line === undefined ? shown : `${shown}:${line}`,
      mend: 'correct the syntax there',
    });
  }
}

/** What the compiler says first, and where: it draws the place below its message, and its own stack below that. */
export function syntaxError(error: unknown): { what: string; line: number | undefined } {
  const message = error instanceof Error ? error.message : String(error);
  const what = /^\s*(?:x|×)\s+(.+)$/m.exec(message)?.[1] ?? message.split('\n')[0] ?? '';
  const line = /[[:](\d+):\d+\]/.exec(message)?.[1];
  return { what: what.trim(), line: line === undefined ? undefined : Number(line) };
}

/** The names an item gives to the rest of the file. */
function declaredBy(item: ModuleItem): [string, Kind][] {
  switch (item.type) {
    case 'ExportDeclaration':
      return declarationKinds(item.declaration);
    case 'ExportDefaultDeclaration':
      return item.decl.type === 'FunctionExpression' && item.decl.identifier
        ? [[item.decl.identifier.value, 'function']]
        : [];
    case 'ImportDeclaration':
      return item.specifiers.map(({ local }) => [local.value, 'maybe']);
    case 'FunctionDeclaration':
    case 'VariableDeclaration':
      return declarationKinds(item);
    default:
      return [];
  }
}

async function exportsOf(item: ModuleItem, local: ReadonlyMap<string, Kind>, file: CodeFile): Promise<Exports> {
  const isFunction = (name: string): boolean => (local.get(name) ?? 'value') !== 'value';
  switch (item.type) {
    case 'ExportDeclaration':
      return declarationKinds(item.declaration).map(([name, kind]) => [name, kind !== 'value']);
    case 'ExportNamedDeclaration':
      if (item.typeOnly) return [];
      return item.specifiers.flatMap((specifier): Exports => {
        if (specifier.type !== 'ExportSpecifier' || specifier.isTypeOnly) return [];
        const name = (specifier.exported ?? specifier.orig).value;
        return name === 'default' ? [] : [[name, item.source != null || isFunction(specifier.orig.value)]];
      });
    case 'ExportAllDeclaration':
      return (await exportedFunctions(starTarget(item.source.value, file))).exported.map((name) => [name, true]);
    case 'ExpressionStatement':
      return commonJsExports(item.expression, isFunction);
    default:
      return [];
  }
}

function starTarget(specifier: string, from: CodeFile): CodeFile {
  const found = specifier.startsWith('.') ? resolveImport(path.dirname(from.file), specifier) : undefined;
  if (found !== undefined) return { ...from, file: found, shown: path.join(path.dirname(from.shown), specifier) };
  throw new DefinitionError(`can't tell what "export * from '${specifier}'" exports`, {
    where: from.shown,
    mend: `name it: export { … } from '${specifier}'`,
  });
}
