import { type CodeVersion, describeCode, type LineageNode } from '../index.js';
import { plural } from './output.js';

type Fields = Readonly<Record<string, unknown>>;

/** What a node is called, for people: one line. */
export function nodeTitle({ kind, name, detail }: LineageNode): string {
  const d = detail as Fields;
  switch (kind) {
    case 'source':
      return sourceTitle(name, d);
    case 'publication': {
      const there = d['alreadyThere'] === 0 ? '' : `, ${Number(d['alreadyThere']).toLocaleString('en')} there before`;
      return `publication ${time(d['recordedAt'])}: ${plural(Number(d['published']), 'new row')}${there}, snapshot ${d['snapshot']}`;
    }
    case 'stream_read': {
      const ranges = d['partitions'] as readonly { partition: number; from: number; to: number }[];
      const shown = ranges.slice(0, 4).map(({ partition, from, to }) => `${partition}: ${from} to ${to}`);
      const more = ranges.length > 4 ? `, … (${ranges.length} partitions)` : '';
      return `read since ${time(d['startedAt'])}: offsets ${shown.join(', ')}${more}`;
    }
    case 'run':
      return `run ${String(d['runId']).slice(0, 13)} of ${d['pipeline']}, ${d['status']}`;
    case 'view':
      return `view ${name}${d['snapshot'] === undefined ? '' : `, snapshot ${d['snapshot']}`}`;
    case 'column':
      return `${(d['columns'] as readonly string[]).length === 1 ? 'column' : 'columns'} ${name}`;
    case 'transform':
      return `transform in ${d['file'] ?? 'a file that is gone'}, function ${d['function']} (${d['hash']})`;
    case 'feature':
      return `feature ${name} (${d['type']})`;
    case 'service':
      return `service ${name}`;
    case 'online':
      return onlineTitle(d);
    case 'training_set':
      return `training set ${name}: ${plural(Number(d['rows']), 'row')}, snapshot ${d['snapshot']}`;
  }
}

/** What else is known of it: short phrases, in the order of interest. */
export function nodeFacts({ kind, detail }: LineageNode): string[] {
  const d = detail as Fields;
  const found: (string | undefined)[] = [];
  if (kind === 'publication') {
    if (d['push'] !== true) found.push(...readFacts(d['read'] as Fields), runFact(d));
    if (d['interval'] !== undefined) found.push(intervalFact(d['interval'] as Fields));
  }
  if (kind === 'column')
    for (const [column, rule] of Object.entries(d['pii'] as Fields)) found.push(`personal data: ${column} (${rule})`);
  if (kind === 'stream_read') found.push(runFact(d));
  if (kind === 'run') found.push(`opened ${time(d['openedAt'])}`);
  if (kind === 'view' && d['table'] !== undefined) found.push(`table ${d['table']}`);
  if (d['definitions'] !== undefined) found.push(`definitions version ${d['definitions']}`);
  if (d['code'] !== undefined) found.push(`code ${describeCode(d['code'] as CodeVersion)}`);
  if (kind === 'publication' && d['upstreamSnapshot'] !== undefined)
    found.push(`compared with snapshot ${d['upstreamSnapshot']}`);
  if (kind === 'training_set') found.push(String(d['place']), `made ${time(d['createdAt'])}`);
  if (kind === 'feature') found.push(...featureFacts(d));
  if (d['owner'] !== undefined) found.push(`owner ${d['owner']}`);
  if (d['olderNotShown'] !== undefined) found.push(`${d['olderNotShown']} older ones not shown (--last)`);
  return found.filter((fact) => fact !== undefined);
}

export const time = (at: unknown): string => String(at).slice(0, 19).replace('T', ' ');

function sourceTitle(name: string, d: Fields): string {
  if (d['kind'] === 'push') return 'pushed';
  if (d['kind'] === 'quarantine') return 'released from quarantine';
  if (d['kind'] === 'unknown') return `source ${name}, which is not defined any more`;
  const place =
    d['path'] ??
    (d['topic'] === undefined ? undefined : `topic ${d['topic']}`) ??
    (d['table'] && `table ${d['table']}`);
  return `source ${name} (${place ?? 'a query'})`;
}

function onlineTitle(d: Fields): string {
  const where = `online ${d['view']} (${d['engine']})`;
  if (d['unreachable'] === true) return `${where}: can't be asked, the store is not reached`;
  if (d['snapshot'] === null) return `${where}: nothing was materialized yet`;
  return `${where}: snapshot ${d['snapshot']}, events up to ${time(d['end'])}`;
}

function readFacts(read: Fields = {}): string[] {
  const rows = read['rows'] === undefined ? [] : [plural(Number(read['rows']), 'row')];
  const { path, sha256, database, table, query, cursor } = read as Record<string, string | undefined>;
  if (path !== undefined) return [`read ${path}`, ...rows, `sha256 ${String(sha256).slice(0, 12)}`];
  if (database === undefined) return rows;
  const range = cursor as unknown as { column: string; from?: string; to?: string } | undefined;
  const bounds = range && `${range.column} from ${range.from ?? 'the start'} to ${range.to ?? 'the end'}`;
  return [
    `read ${table ?? (query === undefined ? 'rows' : 'a query')} of ${database}`,
    ...rows,
    ...(bounds ? [bounds] : []),
  ];
}

const runFact = (d: Fields): string =>
  `run ${String(d['runId']).slice(0, 13)}${d['pipeline'] === undefined ? '' : ` of ${d['pipeline']}`}`;

const intervalFact = ({ start, end }: Fields): string | undefined =>
  String(end).startsWith('9999') ? undefined : `interval ${time(start).slice(0, 16)} to ${time(end).slice(0, 16)}`;

function featureFacts(d: Fields): string[] {
  const rules = Object.entries((d['clean'] ?? {}) as Fields).map(([rule, what]) => `${rule}: ${JSON.stringify(what)}`);
  const expectations = (d['expectations'] ?? []) as readonly string[];
  return [...rules, ...(expectations.length === 0 ? [] : [`expectations: ${expectations.join(', ')}`])];
}
