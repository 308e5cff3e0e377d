import type { RegistryState } from '../registry/index.js';

type Applied = Pick<RegistryState, 'sources'>;

/** Where rows of a source are loaded from: of a stream its batch source, if it has one. */
export function batchSourceOf({ sources }: Applied, source: string): string | undefined {
  const spec = sources.get(source);
  return spec?.kind === 'kafka_source' ? spec.batchSource : source;
}

/** Column → rule for personal data, of a source and of where its rows are loaded from. */
export function piiOf(applied: Applied, source: string): Readonly<Record<string, string>> {
  const batch = batchSourceOf(applied, source);
  return { ...(batch === undefined ? {} : applied.sources.get(batch)?.pii), ...applied.sources.get(source)?.pii };
}
