import type { Plan } from '../index.js';

const signs = { add: '+', change: '~', remove: '-' } as const;

/** What changes, object by object, as `plan`, `apply` and the demo show it. */
export function printPlan({ changes }: Plan): void {
  for (const { kind, name, action, fields, breaking, notes } of changes) {
    console.log(`${signs[action]} ${kind.replaceAll('_', ' ')} ${name}`);
    for (const { path, from, to } of fields) console.log(`    ${path}: ${fieldText(from)} → ${fieldText(to)}`);
    for (const { reason, cost } of breaking) console.log(`    ! breaking: ${reason}; ${cost}`);
    for (const note of notes) console.log(`    ${note}`);
  }
}

/** `(none)` where there is nothing. */
export const fieldText = (value: unknown): string =>
  value === undefined || value === null ? '(none)' : typeof value === 'string' ? value : JSON.stringify(value);
