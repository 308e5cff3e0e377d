import type { DeployStep } from '../temporal/index.js';
import { plural } from './output.js';
import { fieldText } from './print-plan.js';

const signs = { add: '+', change: '~', remove: '-', start: '>', 'catch up': '>', none: '=' } as const;

/** One step of a deploy: what differs, and what somebody changed on the server by hand. */
export function printDeployStep(step: DeployStep): void {
  console.log(`${step.left ? '!' : signs[step.action]} ${title(step)}`);
  const byHand = new Set(step.drift.map(({ field }) => field));
  // Of a new schedule, only what it has.
  for (const { field, from, to } of step.fields)
    if (!byHand.has(field)) console.log(`    ${field}: ${step.action === 'add' ? fieldText(to) : change(from, to)}`);
  for (const { field, from, to } of step.drift) {
    const wanted = step.fields.find((wanted) => wanted.field === field)?.to;
    // Temporal's own CLI drops what the last deploy had noted: then nobody knows what there was.
    const found = from === null ? fieldText(to) : change(from, to);
    console.log(`    ${field}: ${found} by hand, ${fieldText(wanted)} by definition`);
  }
  for (const note of step.notes) console.log(`    ${note}`);
}

function title({ action, pipeline, id, left, notes }: DeployStep): string {
  if (action === 'start') return `start ${id}`;
  if (action === 'catch up') return `catch up ${pipeline}`;
  if (left) return `${pipeline} left as it is`;
  if (action === 'none') return `${pipeline}${notes.length === 0 ? ' unchanged' : ''}`;
  return `schedule ${pipeline}`;
}

const change = (from: string | null, to: string | null): string => `${fieldText(from)} → ${fieldText(to)}`;

/** In one line: what is to do, or that nothing is. */
export function deploySummary(steps: readonly DeployStep[], isPlan: boolean): string {
  const changes = steps.filter(({ action }) => action !== 'none').length;
  const left = steps.filter((step) => step.left).length;
  const some = `${plural(changes, 'change')}${isPlan ? ' to make: run `asof deploy`' : ' made'}.`;
  const none = left === 0 ? 'Nothing to do: the schedules are what the definitions say.' : 'Nothing to do.';
  const hint = `${plural(left, 'schedule')} left as ${left === 1 ? 'it is' : 'they are'}: see above; --force overwrites.`;
  return [changes === 0 ? none : some, ...(left === 0 ? [] : [hint])].join(' ');
}
