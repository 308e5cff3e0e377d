/** A value of a detail: it goes to `--json` as it is. */
export type Detail =
  | string
  | number
  | boolean
  | null
  | readonly Detail[]
  | { readonly [key: string]: Detail | undefined };

export type NodeKind =
  | 'source'
  | 'publication'
  | 'stream_read'
  | 'run'
  | 'view'
  | 'column'
  | 'transform'
  | 'feature'
  | 'service'
  | 'online'
  | 'training_set';

/** A thing data goes through. What is known of it depends on its kind; times are ISO strings. */
export interface LineageNode {
  /** `<kind>:<what tells it apart>` */
  readonly id: string;
  readonly kind: NodeKind;
  readonly name: string;
  readonly detail: Readonly<Record<string, Detail | undefined>>;
}

/** Data goes from one to the other. */
export interface LineageEdge {
  readonly from: string;
  readonly to: string;
}

/** Where something comes from and where it goes. */
export interface LineageGraph {
  /** The id of what was asked for. */
  readonly focus: string;
  /** The snapshot of the lake it is told for; `undefined` = now. */
  readonly asOfSnapshot: number | undefined;
  readonly nodes: readonly LineageNode[];
  readonly edges: readonly LineageEdge[];
}

/** Collects nodes and edges, each once, in the order they are told in. */
export class GraphBuilder {
  readonly #nodes = new Map<string, LineageNode>();
  readonly #edges = new Map<string, LineageEdge>();

  /** @returns the node's id. */
  node(kind: NodeKind, key: string, name: string, detail: LineageNode['detail'] = {}): string {
    const id = `${kind}:${key}`;
    if (!this.#nodes.has(id)) this.#nodes.set(id, { id, kind, name, detail });
    return id;
  }

  edge(from: string, to: string): void {
    this.#edges.set(`${from}\0${to}`, { from, to });
  }

  graph(focus: string, asOfSnapshot: number | undefined): LineageGraph {
    return { focus, asOfSnapshot, nodes: [...this.#nodes.values()], edges: [...this.#edges.values()] };
  }
}
