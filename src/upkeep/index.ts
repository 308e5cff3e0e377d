export { checkFreshness } from './freshness.js';
export type { FreshnessVerdict, StoreFreshness, ViewFreshness } from './freshness-verdict.js';
