import { describeExpectation, type Expectation, type Plan } from '../index.js';

const signs = { add: '+', change: '~', remove: '-' } as const;

/** What changes, object by object, as `plan`, `apply` and the demo show it. */
export function printPlan({ changes }: Plan): void {
  for (const { kind, name, action, fields, breaking, notes } of changes) {
    console.log(`${signs[action]} ${kind.replaceAll('_', ' ')} ${name}`);
    for (const field of fields) for (const line of fieldLines(field)) console.log(`    ${line}`);
    for (const { reason, cost } of breaking) console.log(`    ! breaking: ${reason}; ${cost}`);
    for (const note of notes) console.log(`    ${note}`);
  }
}

type Field = Plan['changes'][number]['fields'][number];

/** Of rules that were added or taken out, only those are told: a list of many would be printed twice otherwise. */
export function fieldLines({ path, from, to }: Field): string[] {
  if (path === 'expect' && Array.isArray(from) && Array.isArray(to)) {
    const [before, after] = [from.map(ruleText), to.map(ruleText)];
    const lines = [
      ...before.filter((rule) => !after.includes(rule)).map((rule) => `expect: - ${rule}`),
      ...after.filter((rule) => !before.includes(rule)).map((rule) => `expect: + ${rule}`),
    ];
    if (lines.length > 0) return lines;
  }
  return [`${path}: ${fieldText(from)} → ${fieldText(to)}`];
}

const options = ['severity', 'tolerate', 'warnAbove', 'errorAbove', 'sql'] as const;

/** The rule in words, with the options that the words leave out. */
function ruleText(rule: unknown): string {
  const e = rule as Expectation & { readonly [option: string]: unknown };
  const given = options.filter((name) => e[name] !== undefined).map((name) => `${name} ${fieldText(e[name])}`);
  // A rule of a newer version, which this one has no words for.
  const words = (describeExpectation(e) as string | undefined) ?? fieldText(rule);
  return [words, ...given].join(', ');
}

/** `(none)` where there is nothing. */
export const fieldText = (value: unknown): string =>
  value === undefined || value === null ? '(none)' : typeof value === 'string' ? value : JSON.stringify(value);
