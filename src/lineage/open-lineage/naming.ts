import path from 'node:path';
import type { Provenance } from '../../batch-source/index.js';
import type { Setting } from '../../definitions/index.js';
import type { FeatureRepo } from '../../feature-repo/index.js';
import type { SourceSpec } from '../../registry/index.js';

/** A dataset's name in all of OpenLineage, by https://openlineage.io/docs/spec/naming. */
export interface DatasetName {
  readonly namespace: string;
  readonly name: string;
}

type Environment = Readonly<Record<string, string | undefined>>;
type Place = Pick<FeatureRepo, 'projectRoot' | 'stateDir' | 'config'>;

const fileName = (root: string, file: string): DatasetName => ({ namespace: 'file', name: path.resolve(root, file) });

/** A table of the lake: beside its catalog, as `project.table`. */
export function lakeName(
  { config, stateDir }: Place,
  table: string,
  environment: Environment = process.env,
): DatasetName {
  const { catalog } = config;
  const name = `${config.project}.${table}`;
  if (catalog.type === 'sqlite') return { namespace: 'file', name: `${path.join(stateDir, 'lake')}/${name}` };
  const at = place(catalog.url, environment, 'postgres', 5432);
  return { namespace: `ducklake:${at.origin}`, name: `${at.path}.${name}` };
}

/** The newest rows of a view. */
export function onlineName(
  { config, stateDir }: Place,
  view: string,
  environment: Environment = process.env,
): DatasetName {
  const { onlineStore } = config;
  if (onlineStore.type === 'lmdb')
    return { namespace: 'file', name: path.join(stateDir, 'online', config.project, view) };
  const setting = onlineStore.url ?? onlineStore.cluster ?? onlineStore.sentinel?.nodes ?? '';
  return { namespace: place(setting, environment, 'redis', 6379).origin, name: `${config.project}.${view}` };
}

/** A source as it is declared, or, with what a run read of it, as it was found. */
export function sourceName(
  repo: Place,
  spec: SourceSpec,
  read: Partial<Provenance> = {},
  environment: Environment = process.env,
): DatasetName {
  if (spec.kind === 'file_source')
    return fileName(repo.projectRoot, 'path' in read ? (read.path ?? spec.path) : spec.path);
  if (spec.kind === 'kafka_source') {
    const { streamSource, project } = repo.config;
    if (streamSource.type === 'file') return fileName(repo.stateDir, path.join('streams', project, spec.topic));
    const [first = ''] = (textOf(streamSource.brokers, environment) ?? 'unknown').split(',');
    return { namespace: `kafka://${first.trim()}`, name: spec.topic };
  }
  // `host:port/database`, told by the run that read there.
  const found = 'database' in read ? read.database : undefined;
  const at = found === undefined ? place(spec.connection, environment, 'postgres', 5432) : split(found);
  // What a query reads is not looked into.
  const relation =
    spec.table === undefined ? spec.name : spec.table.includes('.') ? spec.table : `public.${spec.table}`;
  return { namespace: at.origin, name: `${at.path}.${relation}` };
}

const split = (database: string): { origin: string; path: string } => {
  const [host = '', ...rest] = database.split('/');
  return { origin: `postgres://${host}`, path: rest.join('/') };
};

const textOf = (setting: Setting, environment: Environment): string | undefined =>
  typeof setting === 'string' ? setting : (environment[setting.env] ?? setting.fallback);

/** Host, port and path of an address; never its user or password. */
function place(
  setting: Setting,
  environment: Environment,
  scheme: string,
  port: number,
): { origin: string; path: string } {
  const text = (textOf(setting, environment) ?? '').split(',')[0]?.trim() ?? '';
  const address = text.includes('://') ? text : `${scheme}://${text}`;
  if (!URL.canParse(address)) return { origin: `${scheme}://unknown`, path: '' };
  const url = new URL(address);
  return {
    origin: `${scheme}://${url.hostname || 'unknown'}:${url.port || port}`,
    path: decodeURIComponent(url.pathname.slice(1)),
  };
}
