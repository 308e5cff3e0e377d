import { ScheduleOverlapPolicy } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cron, every, pipeline, type Schedule } from '../../src/definitions/index.js';
import { intervalAt } from '../../src/runs/index.js';
import { isPeriodic, ticks } from '../../src/runs/ticks.js';
import { desiredSchedule } from '../../src/temporal/deploy/desired-schedule.js';
import { startTemporal, type TestTemporal } from '../support/temporal.js';

let temporal: TestTemporal;
beforeAll(async () => {
  temporal = await startTemporal();
});
afterAll(() => temporal.close());

let count = 0;
const answered = new Map<string, Promise<string[]>>();

/** When the server would start runs of a schedule, within a range, both ends included; asked once. */
function serverTimes(schedule: Schedule, from: number, to: number): Promise<string[]> {
  const question = JSON.stringify([schedule, from, to]);
  const answer = answered.get(question) ?? askServer(schedule, from, to);
  answered.set(question, answer);
  return answer;
}

async function askServer(schedule: Schedule, from: number, to: number): Promise<string[]> {
  const made = desiredSchedule('times', pipeline({ name: `p${count++}`, workflow: 'anything', schedule }));
  const { spec, action } = made;
  const scheduleId = action.workflowId;
  await temporal.client.schedule.create({
    ...{ scheduleId, spec, action: { ...action, type: 'startWorkflow' } },
    policies: { overlap: ScheduleOverlapPolicy.SKIP },
    state: { paused: true },
  });
  const { startTime } = await temporal.client.workflowService.listScheduleMatchingTimes({
    namespace: 'default',
    scheduleId,
    // Of the range the server leaves out the beginning.
    startTime: msToTs(from - 1_000),
    endTime: msToTs(to),
  });
  return (startTime ?? []).map((time) => new Date(Number(time.seconds) * 1_000).toISOString());
}

function ourTimes(schedule: Schedule, from: number, to: number): string[] {
  const times: string[] = [];
  if (!isPeriodic(schedule)) throw new Error('a schedule without times');
  for (const tick of ticks(schedule, from)) {
    if (tick > to) break;
    times.push(new Date(tick).toISOString());
  }
  return times;
}

const days = (first: string, count: number): [number, number] => [
  Date.parse(first),
  Date.parse(first) + count * 86_400_000,
];

/** New York: forward at 02:00 on 2024-03-10, back at 02:00 on 2024-11-03. */
const changes: [zone: string, expression: string, range: [number, number]][] = [
  ['America/New_York', '30 2 * * *', days('2024-03-08', 5)],
  ['America/New_York', '30 1 * * *', days('2024-11-01', 5)],
  ['America/New_York', '*/20 * * * *', days('2024-03-10', 1)],
  ['America/New_York', '*/20 * * * *', days('2024-11-03', 1)],
  ['America/New_York', '0 0 * * *', days('2024-11-01', 5)],
  ['America/New_York', '0 2 * * 0', days('2024-02-25', 30)],
  ['Europe/Berlin', '0 2,3 * * *', days('2024-10-25', 5)],
  ['Europe/Berlin', '15 2 * * *', days('2024-03-29', 5)],
  // East of UTC the server misses some of the hour that comes twice.
  ['Europe/Berlin', '*/20 * * * *', days('2024-10-26', 2)],
  ['Europe/Berlin', '30 1 * * *', days('2024-10-25', 5)],
  // Midnight itself is skipped.
  ['Africa/Cairo', '0 0 * * *', days('2024-04-24', 5)],
  ['America/Santiago', '30 23 * * *', days('2024-04-04', 5)],
  // Half an hour.
  ['Australia/Lord_Howe', '15 2 * * *', days('2024-10-04', 5)],
  ['Australia/Lord_Howe', '45 1 * * *', days('2024-04-05', 5)],
  ['Australia/Lord_Howe', '*/15 * * * *', days('2024-04-06', 2)],
  ['Australia/Lord_Howe', '0 * * * *', days('2024-04-06', 2)],
  // 24 hours: a date that was never there.
  ['Pacific/Apia', '0 12 * * *', days('2011-12-28', 5)],
  ['Asia/Kathmandu', '0 0 1 * *', days('2024-01-01', 100)],
];

describe('the times of a schedule are those of the server', () => {
  it.each(changes)('in %s, cron %s', async (timezone, expression, range) => {
    const schedule = cron(expression, { timezone });
    expect(ourTimes(schedule, ...range)).toEqual(await serverTimes(schedule, ...range));
  });

  it.each([
    // A day of the month or a day of the week, as crontab has it.
    '0 0 1 * 1',
    '30 6 13 * FRI',
    '0 0 */10 * 6',
    '0 0 * JAN-MAR 7',
    '5,50 8-10/2 1-7 2,12 *',
    '0 0 29 2 *',
    '0 0 31 * *',
    '59 23 28-31 * 1-5',
  ])('of cron %s', async (expression) => {
    const schedule = cron(expression);
    const range = days('2023-12-15', 500);
    const ours = ourTimes(schedule, ...range);
    expect(ours.length).toBeGreaterThan(0);
    expect(ours).toEqual(await serverTimes(schedule, ...range));
  });

  it.each(['7 hours', '90 minutes', '1 week', '5 days'])('every %s', async (length) => {
    const range = days('2024-02-01', 40);
    expect(ourTimes(every(length), ...range)).toEqual(await serverTimes(every(length), ...range));
  });

  it('so each run is of the interval that ends when it is due', async () => {
    for (const [timezone, expression, range] of changes.slice(0, 8)) {
      const schedule = cron(expression, { timezone });
      for (const due of await serverTimes(schedule, ...range))
        expect(intervalAt(schedule, undefined, new Date(due)).end.toISOString()).toBe(due);
    }
  });
});
