import { DefinitionError } from '../errors.js';
import type { Definition } from './definition.js';
import type { PostgresSource } from './postgres-source.js';
import type { FileSource } from './sources.js';

/** What ingest does with a column that holds personal data: a keyed hash (joinable), `***`, or nothing at all is kept. */
export type PiiRule = 'hash' | 'mask' | 'drop';

/** What every source of whole rows says, wherever they lie. */
export interface BatchSourceFields {
  /** When the row's facts became true. */
  readonly timestampField: string;
  /** When the row was made; breaks ties between rows of one event time. */
  readonly createdTimestampField?: string;
  readonly pii?: Readonly<Record<string, PiiRule>>;
}

/** Where a pipeline ingests rows from. */
export type BatchSource = FileSource | PostgresSource;

export const batchSourceFields = ['timestampField', 'createdTimestampField', 'pii'] as const;

export const isBatchSource = (definition: Definition | undefined): definition is BatchSource =>
  definition?.kind === 'file_source' || definition?.kind === 'postgres_source';

/** @throws DefinitionError when the event time has no column, or a pii rule is unknown. */
export function checkBatchSource(where: string, def: BatchSourceFields): void {
  if (typeof def.timestampField !== 'string' || def.timestampField === '') {
    throw new DefinitionError('timestampField is missing', {
      where,
      mend: 'name the column that holds the event time',
    });
  }
  for (const [column, rule] of Object.entries(def.pii ?? {})) {
    if (['hash', 'mask', 'drop'].includes(rule)) continue;
    throw new DefinitionError(`pii.${column} ${JSON.stringify(rule)} is unknown`, {
      where,
      mend: 'use hash, mask or drop',
    });
  }
}
