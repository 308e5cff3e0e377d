import type { SearchAttributeUpdatePair } from '@temporalio/common';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { OpenedBackfill } from './backfill-contract.js';
import type { OpenedRun } from './contract.js';

export const pipelineAttribute = defineSearchAttributeKey('AsofPipeline', SearchAttributeType.KEYWORD);
const intervalAttribute = defineSearchAttributeKey('AsofInterval', SearchAttributeType.KEYWORD);
const viewsAttribute = defineSearchAttributeKey('AsofViews', SearchAttributeType.KEYWORD_LIST);
const tagsAttribute = defineSearchAttributeKey('AsofTags', SearchAttributeType.KEYWORD_LIST);
export const qualityAttribute = defineSearchAttributeKey('AsofQuality', SearchAttributeType.KEYWORD);

/** How runs are found in the Web UI. A list without entries is left out: the server takes it for a removal. */
export function pipelineAttributes(
  pipeline: string,
  { interval, views, tags }: Pick<OpenedRun, 'interval' | 'views' | 'tags'>,
): SearchAttributeUpdatePair[] {
  const pairs: SearchAttributeUpdatePair[] = [
    { key: pipelineAttribute, value: pipeline },
    { key: intervalAttribute, value: `${interval.start}/${interval.end}` },
  ];
  if (views.length > 0) pairs.push({ key: viewsAttribute, value: [...views] });
  if (tags.length > 0) pairs.push({ key: tagsAttribute, value: [...tags] });
  return pairs;
}

/** The same of a backfill, with its whole range. */
export const backfillAttributes = (
  pipeline: string,
  { range, tags }: Pick<OpenedBackfill, 'range' | 'tags'>,
): SearchAttributeUpdatePair[] => pipelineAttributes(pipeline, { interval: range, views: [], tags });
