import type { LineageGraph, NodeKind } from '../index.js';
import { nodeTitle } from './lineage-text.js';

/** How each kind is drawn: stores of rows as cylinders, what happened as round boxes. */
const shapes: Readonly<Partial<Record<NodeKind, readonly [string, string]>>> = {
  source: ['[(', ')]'],
  view: ['[(', ')]'],
  online: ['[(', ')]'],
  training_set: ['[(', ')]'],
  publication: ['(', ')'],
  stream_read: ['(', ')'],
  run: ['(', ')'],
  transform: ['{{', '}}'],
  service: ['([', '])'],
};

/** A flowchart from left to right; names of any letters are safe in it. */
export function lineageMermaid({ focus, nodes, edges }: LineageGraph): string {
  const ids = new Map(nodes.map(({ id }, index) => [id, `n${index}`]));
  const lines = nodes.map((node) => {
    const [open, close] = shapes[node.kind] ?? ['[', ']'];
    return `  ${ids.get(node.id)}${open}"${escapeMermaid(nodeTitle(node))}"${close}`;
  });
  const arrows = edges.map(({ from, to }) => `  ${ids.get(from)} --> ${ids.get(to)}`);
  return ['flowchart LR', ...lines, ...arrows, `  style ${ids.get(focus)} stroke-width:3px`].join('\n');
}

/** Entity codes for all that Mermaid, Markdown or HTML may take for markup. */
const escapeMermaid = (text: string): string =>
  text.replace(/[^\p{L}\p{N} .,:/_()-]/gu, (character) => `#${character.codePointAt(0)};`);
