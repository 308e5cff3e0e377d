import { createHash } from 'node:crypto';
import { tableName } from '../definitions/feature-table.js';
import { batchSourceOf, type EtlContext } from './etl-context.js';
import { readingHash } from './last-cursor.js';

/** The steps that keep what they did in the run's staging folder, in order. */
export const stagedSteps = ['ingest', 'clean', 'explore', 'publish'] as const;

export type StagedStep = (typeof stagedSteps)[number];

/** What people call them. */
export const stepTitles: Readonly<Record<StagedStep, string>> = {
  ingest: 'ingest',
  clean: 'clean',
  explore: 'explore and validate',
  publish: 'publish',
};

/** `explore`, `explore and validate`, `exploreAndValidate` → `explore`. */
export const stagedStepOf = (name: string): StagedStep | undefined => {
  const plain = (text: string): string => text.toLowerCase().replace(/[^a-z]/g, '');
  return stagedSteps.find((step) => plain(step) === plain(name) || plain(stepTitles[step]) === plain(name));
};

/**
 * The definitions a step's result depends on, beside the step before: when they change, what it did under the old ones is not
 * what it would do now. What a source holds is no part of it: a step is taken over so that the source need not be read again.
 */
export function madeUnder(context: EtlContext, viewName: string, step: StagedStep): string {
  const { view, table } = context.view(viewName);
  const source = batchSourceOf(view);
  const { description: _, owner: __, tags: ___, ...read } = source;
  const decisive = {
    table: tableName(table),
    reading: readingHash(view, source),
    read,
    ...(step === 'clean' && view.kind === 'stream_feature_view'
      ? { transform: context.transform, event: view.source.event }
      : {}),
    ...(step === 'explore' ? { expect: view.expect } : {}),
  };
  return createHash('sha256').update(JSON.stringify(decisive)).digest('hex').slice(0, 16);
}
