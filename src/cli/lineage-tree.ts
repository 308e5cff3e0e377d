import type { LineageGraph, LineageNode } from '../index.js';
import { nodeFacts, nodeTitle, time } from './lineage-text.js';
import { wrap } from './wrap.js';

type Direction = 'up' | 'down';

/** The lineage as a tree for a terminal: what was asked for, what it comes from, where it goes. */
export function lineageTree(graph: LineageGraph, width: number): string[] {
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  const focus = nodes.get(graph.focus) as LineageNode;
  const next = (id: string, direction: Direction): LineageNode[] =>
    graph.edges
      .filter((edge) => (direction === 'up' ? edge.to : edge.from) === id)
      .map((edge) => nodes.get(direction === 'up' ? edge.from : edge.to) as LineageNode);
  const lines: string[] = [];
  /** @param branch before the title, `trunk` before what follows below it. */
  const add = (
    node: LineageNode,
    branch: string,
    trunk: string,
    direction: Direction,
    seen: ReadonlySet<string>,
  ): void => {
    const children = seen.has(node.id) ? [] : next(node.id, direction);
    lines.push(...wrap(nodeTitle(node), branch, `${trunk}  `, width));
    const below = `${trunk}${children.length > 0 ? '│ ' : '  '}`;
    const facts = seen.has(node.id) ? [] : nodeFacts(node);
    if (facts.length > 0) lines.push(...wrap(facts.join(', '), below, below, width));
    addAll(children, trunk, direction, new Set([...seen, node.id]));
  };
  const addAll = (
    children: readonly LineageNode[],
    trunk: string,
    direction: Direction,
    seen: ReadonlySet<string>,
  ): void => {
    children.forEach((child, index) => {
      const isLast = index === children.length - 1;
      add(child, `${trunk}${isLast ? '└─ ' : '├─ '}`, `${trunk}${isLast ? '   ' : '│  '}`, direction, seen);
    });
  };
  const moment = graph.asOfSnapshot === undefined ? '' : `, as of snapshot ${graph.asOfSnapshot}`;
  lines.push(...wrap(`${nodeTitle(focus)}${moment}`, '', '  ', width));
  const facts = nodeFacts(focus);
  if (facts.length > 0) lines.push(...wrap(facts.join(', '), '  ', '  ', width));
  if (focus.kind === 'service' || focus.kind === 'training_set') lines.push(...featureLines(focus, width));
  for (const [direction, label] of [
    ['up', 'comes from'],
    ['down', 'goes to'],
  ] as const) {
    const children = next(focus.id, direction);
    lines.push('', children.length === 0 ? `${label}: nothing that is known` : label);
    addAll(children, '', direction, new Set([focus.id]));
  }
  if (focus.kind === 'run' && focus.detail['closedAt'] !== undefined)
    lines.push('', `ended ${time(focus.detail['closedAt'])}`);
  return lines;
}

function featureLines({ detail }: LineageNode, width: number): string[] {
  const features = Object.entries((detail['features'] ?? {}) as Record<string, string>);
  const shown = features.map(([output, column]) => (column.endsWith(`:${output}`) ? column : `${output} = ${column}`));
  return wrap(`features ${shown.join(', ')}`, '  ', '    ', width);
}
