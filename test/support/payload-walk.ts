/** A payload found in an answer of the server, and where: `events.0.workflowExecutionStartedEventAttributes.input.payloads.0`. */
export interface FoundPayload {
  readonly path: string;
  readonly encoding: string;
  readonly keyId: string;
}

/** Search attributes are what queries are about: never encrypted. */
const neverEncrypted = new Set(['searchAttributes', 'indexedFields']);

const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array;
const textOf = (value: unknown): string => (isBytes(value) ? Buffer.from(value).toString('utf8') : String(value ?? ''));

/** All payloads in an answer of the server, search attributes left out. */
export function payloadsIn(value: unknown, path = ''): FoundPayload[] {
  if (typeof value !== 'object' || value === null || isBytes(value)) return [];
  const { metadata } = value as { metadata?: Record<string, unknown> };
  const encoding = textOf(metadata?.['encoding']);
  if (encoding !== '') return [{ path, encoding, keyId: textOf(metadata?.['encryption-key-id']) }];
  return children(value).flatMap(([key, child]) => payloadsIn(child, path === '' ? key : `${path}.${key}`));
}

/** All that can be read in an answer of the server, bytes as text, search attributes left out. */
export function textIn(value: unknown): string {
  if (typeof value !== 'object' || value === null || isBytes(value)) return textOf(value);
  return children(value)
    .map(([key, child]) => `${key}: ${textIn(child)}`)
    .join('\n');
}

const children = (value: object): [string, unknown][] =>
  Object.entries(value).filter(([key]) => !neverEncrypted.has(key));
