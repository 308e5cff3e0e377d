import type { FeatureTable } from '../definitions/feature-table.js';
import { FencedError } from '../errors.js';
import type { PartitionClaim } from './offline-store.js';

/** What a consumer is told whose claim is no longer the newest. */
export const fencedOff = (table: FeatureTable, topic: string, claim: PartitionClaim): FencedError =>
  new FencedError(`partition ${claim.partition} of topic ${topic} was taken over by another consumer`, {
    where: `view ${table.view}, epoch ${claim.epoch}, offset ${claim.nextOffset}`,
    mend: 'nothing to do: the other consumer goes on from the last committed offset',
  });
