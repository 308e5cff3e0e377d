import type { z } from 'zod';
import { DefinitionError } from '../errors.js';
import type { Json, Pipeline } from './pipeline.js';

type Args = Readonly<Record<string, Json>>;

/**
 * Checks a pipeline's arguments by its schema.
 * @param overrides of this run; default: none.
 * @returns what the workflow is to work with: defaults filled in.
 * @throws DefinitionError naming each argument that is missing, unknown or of the wrong kind.
 */
export function checkArgs(
  pipeline: Pick<Pipeline, 'name' | 'workflow' | 'args' | 'argsSchema'>,
  overrides: Args = {},
): Args {
  const { argsSchema } = pipeline;
  const args = { ...pipeline.args, ...overrides };
  if (argsSchema === undefined) return args;
  const parsed = argsSchema.safeParse(args);
  if (parsed.success) return parsed.data as Args;
  throw refusal(pipeline, args, parsed.error.issues);
}

/** The same of a definition, whose missing arguments may still be given when a run is started by hand. */
export function checkGivenArgs(pipeline: Pick<Pipeline, 'name' | 'workflow' | 'args' | 'argsSchema'>): void {
  const parsed = pipeline.argsSchema?.safeParse(pipeline.args);
  if (parsed === undefined || parsed.success) return;
  const issues = parsed.error.issues.filter(
    ({ path: [name] }) => name === undefined || Object.hasOwn(pipeline.args, name),
  );
  if (issues.length > 0) throw refusal(pipeline, pipeline.args, issues);
}

function refusal(
  { name, workflow, argsSchema }: Pick<Pipeline, 'name' | 'workflow' | 'argsSchema'>,
  args: Args,
  issues: readonly z.core.$ZodIssue[],
): DefinitionError {
  const takes = namesOf(argsSchema);
  return new DefinitionError(issues.map((issue) => describe(issue, workflow, args)).join('; '), {
    where: `pipeline "${name}"`,
    mend: takes.length === 0 ? 'see the schema of its arguments' : `it takes ${takes.join(', ')}`,
  });
}

function describe(issue: z.core.$ZodIssue, workflow: string, args: Args): string {
  const [first] = issue.path;
  if (issue.code === 'unrecognized_keys' && first === undefined)
    return issue.keys.map((key) => `argument "${key}" is unknown to the workflow ${workflow}`).join('; ');
  if (first === undefined) return `the arguments are wrong: ${issue.message}`;
  if (args[String(first)] === undefined) return `argument "${String(first)}" is missing`;
  const place = issue.path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  return `argument "${place.slice(1)}" does not fit: ${issue.message}`;
}

/** Optional ones carry a question mark. */
function namesOf(schema: z.ZodType | undefined): string[] {
  const shape = (schema as { shape?: Record<string, z.ZodType> } | undefined)?.shape ?? {};
  return Object.entries(shape).map(([name, type]) => (type.safeParse(undefined).success ? `${name}?` : name));
}
