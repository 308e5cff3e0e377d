import { intervalText, type Notice } from './notice.js';

const titles = { failed: 'failed', succeeded: 'succeeded', deadline_missed: 'missed its deadline' } as const;
const signs = { failed: ':x:', succeeded: ':white_check_mark:', deadline_missed: ':hourglass:' } as const;

/** Slack refuses a section above 3,000 characters, more than 10 fields, and fields above 2,000. */
const most = { message: 2_000, field: 500, fallback: 300 };

/** Escaped, and at most so long then; never cut inside of what stands for one character. */
function within(text: string, length: number = most.field): string {
  let escaped = '';
  for (const character of text) {
    const next = escapeSlack(character);
    if (escaped.length + next.length >= length) return `${escaped}…`;
    escaped += next;
  }
  return escaped;
}

/** What Slack takes for markup, as text: nothing in a message may mention a channel or hide an address. */
export const escapeSlack = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** The body of a Slack message: blocks, and all that matters as `text` for those that show no blocks. */
export function slackMessage(notice: Notice): string {
  const { event, test, pipeline, project, message, published, url } = notice;
  const title = `${test ? 'Test: ' : ''}${pipeline} ${titles[event]}`;
  const about = notice.interval === undefined ? project : `${project}, ${intervalText(notice.interval)}`;
  const link = url === undefined ? [] : [linked(url, 'Open the run')];
  const reports = Object.entries(notice.reports ?? {}).map(([view, file]) => `report of ${view}: ${file}`);
  const fallback = [
    escapeSlack(`${title} (${about})`),
    ...(message === undefined ? [] : [within(message, most.fallback)]),
    ...(event === 'succeeded' && published !== undefined ? [`rows published: ${published.toLocaleString('en')}`] : []),
    ...link,
  ];
  return JSON.stringify({
    text: fallback.join('\n'),
    blocks: [
      section(`${signs[event]} *${escapeSlack(title)}*`),
      { type: 'section', fields: fields(notice).map(([name, value]) => mrkdwn(`*${name}*\n${within(value)}`)) },
      ...(message === undefined ? [] : [section(`\`\`\`${code(message)}\`\`\``)]),
      ...(reports.length === 0 ? [] : [context(within(reports.join('\n'), most.message))]),
      context([...link, within(`run ${notice.runId}`)].join('  ·  ')),
    ],
  });
}

function fields({ project, interval, owner, tags, published, quality, startedAt, dueAt }: Notice): [string, string][] {
  const found: [string, string | undefined][] = [
    ['project', project],
    ['interval', interval === undefined ? undefined : intervalText(interval)],
    ['began', startedAt],
    ['due', dueAt],
    ['rows published', published?.toLocaleString('en')],
    ['quality', quality],
    ['owner', owner],
    ['tags', tags.length === 0 ? undefined : tags.join(', ')],
  ];
  return found.filter((field): field is [string, string] => field[1] !== undefined && field[1] !== '');
}

/** Three backticks would end the block of code. */
const code = (text: string): string => within(text, most.message).replaceAll('```', "'''");
const mrkdwn = (text: string) => ({ type: 'mrkdwn', text });
const section = (text: string) => ({ type: 'section', text: mrkdwn(text) });
const context = (text: string) => ({ type: 'context', elements: [mrkdwn(text)] });
const linked = (url: string, text: string): string => `<${escapeSlack(url).replaceAll('|', '%7C')}|${text}>`;
