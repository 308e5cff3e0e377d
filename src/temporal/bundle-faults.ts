import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import path from 'node:path';
import { DefinitionError } from '../index.js';
import { ownFolder, syntaxError } from '../project-code/index.js';

/** Node's modules that work without Node; the SDK brings its own for them. */
const allowed = ['assert', 'url', 'util'];
const forbiddenPackages = ['activity', 'client', 'worker', 'testing', 'core-bridge'].map(
  (name) => `@temporalio/${name}`,
);

interface Request {
  readonly request?: string;
  readonly context?: string;
  readonly contextInfo?: { readonly issuer?: string };
}

/** What the bundler reports of a module it can't build. */
interface Report {
  readonly name?: string;
  readonly message: string;
  readonly module?: { readonly resource?: string } | null;
  readonly loc?: { readonly start?: { readonly line?: number } };
}

/** Collects what is wrong with a project's workflows while they are bundled, each with its file and line and the mend. */
export class BundleFaults {
  readonly #projectRoot: string;
  readonly #forbidden: DefinitionError[] = [];
  readonly #others: DefinitionError[] = [];

  constructor(projectRoot: string) {
    this.#projectRoot = projectRoot;
  }

  /** A forbidden import tells more than what else went wrong by it. */
  first(): DefinitionError | undefined {
    return this.#forbidden[0] ?? this.#others[0];
  }

  /** Called by the bundler for each import; an answer says that the module comes from elsewhere. */
  readonly forbidImports = async ({
    request = '',
    context = '',
    contextInfo,
  }: Request): Promise<string | undefined> => {
    const mend = this.#forbiddenBecause(request, unmarked(context) ?? '');
    if (mend === undefined) return undefined;
    const where = this.#place(unmarked(contextInfo?.issuer), request);
    this.#forbidden.push(new DefinitionError(`a workflow can't import '${request}'`, { where, mend }));
    return 'var undefined';
  };

  /** What the bundler ended with. */
  report(errors: readonly Report[]): void {
    for (const error of errors) this.#others.push(this.#fault(error));
  }

  #forbiddenBecause(request: string, context: string): string | undefined {
    const name = request.replace(/^node:/, '');
    const among = (names: readonly string[]): boolean =>
      names.some((one) => name === one || name.startsWith(`${one}/`));
    const ownSteps = ownFolder(this.#projectRoot, 'activities');
    if (request.startsWith('.') && isBelow(ownSteps, path.resolve(context, request))) {
      return 'write `import type`, and call its steps through proxySteps: they run outside of the workflow';
    }
    if (request.startsWith('node:') || (!among(allowed) && among(builtinModules))) {
      return 'do it in an activity: a workflow is run again from its history, and must come to the same each time';
    }
    if (name === 'asof')
      return "write `import type`, or import from 'asof/workflow'; what needs the library belongs in an activity";
    if (name === 'asof/activity' || among(forbiddenPackages))
      return 'do it in an activity, and call that through proxySteps';
    return undefined;
  }

  #fault({ name, message, module, loc }: Report): DefinitionError {
    const file = unmarked(module?.resource);
    const missing = /Can't resolve '([^']+)'/.exec(message)?.[1];
    if (missing !== undefined) {
      return new DefinitionError(`can't find what it imports: '${missing}'`, {
        where: this.#place(file, missing),
        mend: missing.startsWith('.')
          ? 'correct the path; it starts at the folder of the importing file'
          : `install it: npm install ${missing} (in ${this.#projectRoot}), or do without it`,
      });
    }
    const found = syntaxError(message);
    const parsed = /^Module parse failed: (.+?)(?: \((\d+):\d+\))?$/m.exec(message);
    const line = loc?.start?.line ?? found.line ?? (parsed?.[2] === undefined ? undefined : Number(parsed[2]));
    const shown = this.#shown(file);
    return new DefinitionError(parsed?.[1] ?? (found.what || (name ?? 'it can not be bundled')), {
      where: line === undefined ? shown : `${shown}:${line}`,
      mend: 'correct it there; workflows are bundled for Temporal when a worker starts',
    });
  }

  #place(file: string | undefined, specifier: string): string {
    const line = file === undefined ? undefined : lineOf(file, specifier);
    return line === undefined ? this.#shown(file) : `${this.#shown(file)}:${line}`;
  }

  #shown(file: string | undefined): string {
    if (file === undefined) return 'workflows';
    return isBelow(this.#projectRoot, file) ? path.relative(this.#projectRoot, file) : file;
  }
}

/** The bundler marks what could end a path. */
const unmarked = (file: string | undefined): string | undefined => file?.replaceAll('\0', '');

const isBelow = (folder: string, file: string): boolean => file.startsWith(`${folder}${path.sep}`);

/** The line that names a module. */
function lineOf(file: string, specifier: string): number | undefined {
  const lines = readFileSync(file, 'utf8').split('\n');
  const found = lines.findIndex((line) => line.includes(`'${specifier}'`) || line.includes(`"${specifier}"`));
  return found < 0 ? undefined : found + 1;
}
