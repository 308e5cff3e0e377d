import { DefinitionError } from '../errors.js';
import { checkFields } from './definition.js';
import { parseUtc } from './utc-time.js';

/** Where reading begins in a partition that a view never read. */
export type StreamStart = 'earliest' | 'latest' | { readonly timestamp: Date };

/** The same as it is written: `'earliest'`, `'latest'`, or the first event at or after a time (UTC unless it names a zone). */
export type StreamStartOption = 'earliest' | 'latest' | { readonly timestamp: string | Date };

/** @throws DefinitionError for what is no start. */
export function parseStreamStart(where: string, start: StreamStartOption | undefined): StreamStart {
  if (start === undefined) return 'earliest';
  if (start === 'earliest' || start === 'latest') return start;
  const mend = "write start: 'earliest', 'latest' or { timestamp: '2026-01-01T00:00:00Z' }";
  if (typeof start !== 'object' || start === null) {
    throw new DefinitionError(`start ${JSON.stringify(start)} is unknown`, { where, mend });
  }
  checkFields(`${where}, start`, start, ['timestamp']);
  const { timestamp } = start;
  const time = typeof timestamp === 'string' ? parseUtc(timestamp) : timestamp;
  if (time instanceof Date && !Number.isNaN(time.getTime())) return Object.freeze({ timestamp: time });
  throw new DefinitionError(`start.timestamp ${JSON.stringify(timestamp)} is no time`, { where, mend });
}

/** The start as text, for the registry: ISO time for a time. */
export const streamStartText = (start: StreamStart): string =>
  typeof start === 'string' ? start : start.timestamp.toISOString();
