import type { Command } from 'commander';
import { DefinitionError } from '../errors.js';
import type { FeatureRequest, FeatureStore } from '../index.js';
import { atMostOne, listOption } from './option-values.js';

/** How both reads say which features are wanted. */
export interface FeatureOptions {
  readonly features?: string;
  readonly service?: string;
  readonly fullFeatureNames?: boolean;
}

export const withFeatureOptions = (command: Command): Command =>
  command
    .option('--features <names>', 'view:feature, comma-separated; view:* = all features of the view')
    .option('--service <name>', 'all features of this feature service')
    .option('--full-feature-names', 'name each feature view__feature');

export function requestedFeatures(store: FeatureStore, { features, service }: FeatureOptions): FeatureRequest {
  atMostOne({ '--features': features, '--service': service });
  if (service !== undefined) return store.service(service);
  if (features !== undefined) return listOption('--features', features);
  throw new DefinitionError('no features are asked for', {
    mend: 'give --features view:feature,… or --service <name>; `asof list` shows what there is',
  });
}
