import { columnsOf, describeExpectation } from '../definitions/expectations.js';
import type { RegisteredView } from '../registry/index.js';
import type { Telling } from './context.js';
import type { Detail } from './graph.js';
import { batchSourceOf, piiOf } from './sources.js';
import { tellReaders } from './view-downstream.js';
import { tellSource } from './view-upstream.js';

/** One feature: the columns it is made of, what is done to them, and who reads it. @returns its id. */
export async function tellFeature(telling: Telling, view: string, feature: string): Promise<string> {
  const { graph, applied } = telling;
  const { spec, version } = applied.views.get(view) as RegisteredView;
  const { missing = {}, outliers = {} } = spec.clean;
  const rules = { ...one('missing', missing[feature]), ...one('outliers', outliers[feature]) };
  const id = graph.node('feature', `${view}:${feature}`, `${view}:${feature}`, {
    type: spec.features[feature],
    definitions: version,
    ...(Object.keys(rules).length === 0 ? {} : { clean: rules as Detail }),
    expectations: spec.expect.filter((rule) => columnsOf(rule).includes(feature)).map(describeExpectation),
  });
  const origin = columnOrigins(telling, view, feature);
  for (const { source, columns, pii } of origin.sources) {
    const sourceId = tellSource(telling, source);
    const personal = Object.fromEntries(columns.flatMap((column) => (pii[column] ? [[column, pii[column]]] : [])));
    const name = columns.join(', ');
    const columnsId = graph.node('column', `${source}.${name}`, name, { source, columns, pii: personal });
    graph.edge(sourceId, columnsId);
    graph.edge(columnsId, origin.transform === undefined ? id : tellTransform(telling, view, id, origin.transform));
  }
  await tellReaders(telling, view, id, feature);
  return id;
}

function tellTransform(
  { graph }: Telling,
  view: string,
  feature: string,
  detail: Record<string, Detail | undefined>,
): string {
  const transform = graph.node('transform', view, `transform of ${view}`, detail);
  graph.edge(transform, feature);
  return transform;
}

interface Origins {
  readonly sources: readonly { source: string; columns: readonly string[]; pii: Readonly<Record<string, string>> }[];
  /** What computes it from all those columns; `undefined` = it is the column. */
  readonly transform:
    | { readonly file: string | undefined; readonly function: string; readonly hash: string }
    | undefined;
}

/**
 * The columns of its sources that a feature is made of. A transform is a function: which of the event's fields it takes for which
 * feature is not known, so it counts as made of all that it sees; those that are dropped at ingest it does not.
 */
export function columnOrigins(
  { applied, repo }: Pick<Telling, 'applied' | 'repo'>,
  view: string,
  feature: string,
): Origins {
  const { spec, transformHash } = applied.views.get(view) as RegisteredView;
  const declared = applied.sources.get(spec.source);
  const batch = batchSourceOf(applied, spec.source);
  const fields = declared?.kind === 'kafka_source' ? Object.keys(declared.event) : [];
  const sources = [...new Set([spec.source, ...(batch === undefined ? [] : [batch])])].map((source) => {
    const pii = piiOf(applied, source);
    const columns = transformHash === undefined ? [feature] : fields.filter((field) => pii[field] !== 'drop');
    return { source, columns, pii };
  });
  if (transformHash === undefined) return { sources, transform: undefined };
  const definition = repo.views.get(view) as { readonly transform?: { readonly name?: string } } | undefined;
  const name = definition?.transform?.name;
  return {
    sources,
    transform: {
      file: repo.fileOf(view),
      function: name === undefined || name === '' ? 'transform' : name,
      hash: transformHash.slice(0, 12),
    },
  };
}

const one = (name: string, rule: unknown): Record<string, unknown> => (rule === undefined ? {} : { [name]: rule });
