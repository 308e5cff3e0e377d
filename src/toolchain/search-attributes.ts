import type { SearchAttributeType } from '@temporalio/common';

/** The search attributes of every asof workflow, by Temporal's names of types. A server must know them before any starts. */
export const searchAttributeTypes = {
  AsofPipeline: 'KEYWORD',
  AsofInterval: 'KEYWORD',
  AsofQuality: 'KEYWORD',
  AsofViews: 'KEYWORD_LIST',
  AsofTags: 'KEYWORD_LIST',
} as const satisfies Record<string, SearchAttributeType>;
