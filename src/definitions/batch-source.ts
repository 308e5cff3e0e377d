import { DefinitionError } from '../errors.js';
import type { Definition } from './definition.js';
import { checkPiiRules, type PiiRules } from './pii-rules.js';
import type { PostgresSource } from './postgres-source.js';
import type { FileSource } from './sources.js';

/** What every source of whole rows says, wherever they lie. */
export interface BatchSourceFields {
  /** When the row's facts became true. */
  readonly timestampField: string;
  /** When the row was made; breaks ties between rows of one event time. */
  readonly createdTimestampField?: string;
  /** Columns that hold personal data, and what ingest makes of them before anything is written. */
  readonly pii?: PiiRules;
}

/** Where a pipeline ingests rows from. */
export type BatchSource = FileSource | PostgresSource;

export const batchSourceFields = ['timestampField', 'createdTimestampField', 'pii'] as const;

export const isBatchSource = (definition: Definition | undefined): definition is BatchSource =>
  definition?.kind === 'file_source' || definition?.kind === 'postgres_source';

/** @throws DefinitionError when the event time has no column, or a pii rule can't hold. */
export function checkBatchSource(where: string, def: BatchSourceFields & { readonly cursor?: string }): void {
  if (typeof def.timestampField !== 'string' || def.timestampField === '') {
    throw new DefinitionError('timestampField is missing', {
      where,
      mend: 'name the column that holds the event time',
    });
  }
  const { timestampField, createdTimestampField, cursor } = def;
  // How far a cursor came is kept with each publication.
  checkPiiRules(where, def.pii, { timestampField, createdTimestampField, cursor });
}
