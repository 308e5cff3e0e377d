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
  return new DefinitionError(issues.map((issue) => describe(issue, { workflow, args, argsSchema })).join('; '), {
    where: `pipeline "${name}"`,
    mend: takes.length === 0 ? 'see the schema of its arguments' : `it takes ${takes.join(', ')}`,
  });
}

function describe(
  issue: z.core.$ZodIssue,
  { workflow, args, argsSchema }: { workflow: string; args: Args; argsSchema: z.ZodType | undefined },
): string {
  const [first] = issue.path;
  if (issue.code === 'unrecognized_keys' && first === undefined)
    return issue.keys.map((key) => `argument "${key}" is unknown to the workflow ${workflow}`).join('; ');
  if (first === undefined) return `the arguments are wrong: ${issue.message}`;
  if (args[String(first)] === undefined) return `argument "${String(first)}" is missing`;
  const place = issue.path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  const name = `argument "${place.slice(1)}"`;
  const given = issue.path.reduce<unknown>((value, part) => (value as Record<PropertyKey, unknown>)?.[part], args);
  const range = rangeOf(issue, argsSchema);
  return range === undefined
    ? `${name} does not fit: ${issue.message}; it is ${shown(given)}`
    : `${name} must be ${range}, is ${shown(given)}`;
}

/** `from 1 to 1000000`, of a number that is outside; the other bound is the schema's where the argument is that number. */
function rangeOf(issue: z.core.$ZodIssue, argsSchema: z.ZodType | undefined): string | undefined {
  if ((issue.code !== 'too_small' && issue.code !== 'too_big') || !['number', 'int'].includes(issue.origin))
    return undefined;
  const bound = issue.code === 'too_small' ? issue.minimum : issue.maximum;
  if (issue.inclusive === false) return issue.code === 'too_small' ? `above ${bound}` : `below ${bound}`;
  const [name] = issue.path;
  const type = issue.path.length === 1 ? shapeOf(argsSchema)[String(name)] : undefined;
  const { minValue, maxValue } = boundsOf(type);
  const [min, max] = issue.code === 'too_small' ? [bound, maxValue] : [minValue, bound];
  if (isBound(min) && isBound(max)) return `from ${min} to ${max}`;
  return issue.code === 'too_small' ? `${bound} or more` : `${bound} or less`;
}

const isBound = (bound: unknown): boolean =>
  typeof bound === 'bigint' || (typeof bound === 'number' && Math.abs(bound) < Number.MAX_SAFE_INTEGER);

type Bounds = { readonly minValue?: number | null; readonly maxValue?: number | null };

/** Of a number, also of one that may be left out. */
function boundsOf(type: z.ZodType | undefined): Bounds {
  const inner = (type?.def as { innerType?: z.ZodType } | undefined)?.innerType;
  return inner === undefined ? ((type ?? {}) as Bounds) : boundsOf(inner);
}

const shownMax = 60;

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= shownMax ? text : `${text.slice(0, shownMax - 1)}…`;
}

const shapeOf = (schema: z.ZodType | undefined): Readonly<Record<string, z.ZodType>> =>
  (schema as { shape?: Record<string, z.ZodType> } | undefined)?.shape ?? {};

/** Optional ones carry a question mark. */
function namesOf(schema: z.ZodType | undefined): string[] {
  return Object.entries(shapeOf(schema)).map(([name, type]) => (type.safeParse(undefined).success ? `${name}?` : name));
}
