import { DefinitionError } from '../errors.js';
import { type CodeFile, codeFiles } from './code-files.js';
import { exportedFunctions } from './exported-functions.js';

/** The workflows a worker of a project serves. */
export interface WorkflowNames {
  /** Name → the file that exports it; the built-ins' first. */
  readonly exported: ReadonlyMap<string, CodeFile>;
  /** Name → the file that has such a function, but does not export it by that name. */
  readonly hidden: ReadonlyMap<string, CodeFile>;
}

/**
 * Finds the built-in workflows and those of a project, by reading their files.
 * @throws DefinitionError when two files export one name, or a file can't be parsed.
 */
export async function workflowNames(projectRoot: string): Promise<WorkflowNames> {
  const exported = new Map<string, CodeFile>();
  const hidden = new Map<string, CodeFile>();
  for (const file of codeFiles(projectRoot, 'workflows')) {
    const found = await exportedFunctions(file);
    for (const name of found.exported) {
      const twin = exported.get(name);
      if (twin !== undefined) throw clash('workflow', name, twin, file);
      exported.set(name, file);
    }
    for (const name of found.hidden) hidden.set(name, file);
  }
  return { exported, hidden };
}

/** Two files that export a workflow or a step of one name: a pipeline could mean either. */
export function clash(what: string, name: string, first: CodeFile, second: CodeFile): DefinitionError {
  const mend = first.builtIn
    ? `rename the one in ${second.shown}`
    : "rename one of them, or keep what they share in a subfolder such as lib/, whose files aren't entries";
  return new DefinitionError(`${what} "${name}" is exported by ${first.shown} and by ${second.shown}`, { mend });
}
