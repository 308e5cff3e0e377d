export type { UpkeepContext } from './context.js';
export type { LakeCounts } from './counts.js';
export { checkFreshness } from './freshness.js';
export type { FreshnessVerdict, StoreFreshness, ViewFreshness } from './freshness-verdict.js';
export { describeStale, mendOfStale } from './freshness-words.js';
export {
  type MaintainOptions,
  Upkeep,
  type UpkeepLook,
  type UpkeepReport,
  type UpkeepStep,
  type UpkeepThresholds,
} from './upkeep.js';
