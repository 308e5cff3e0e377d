import { defineSearchAttributeKey, SearchAttributeType, TypedSearchAttributes } from '@temporalio/common';
import type { Pipeline } from '../../index.js';
import { scheduleId } from '../schedule-id.js';
import { taskQueue } from '../task-queue.js';

const pipelineAttribute = defineSearchAttributeKey('AsofPipeline', SearchAttributeType.KEYWORD);
const tagsAttribute = defineSearchAttributeKey('AsofTags', SearchAttributeType.KEYWORD_LIST);

/** The workflow a schedule starts; the server puts the time it is due behind the id. */
export function desiredAction(project: string, { name, workflow, description, tags = [] }: Pipeline) {
  return {
    workflowType: workflow,
    workflowId: scheduleId(project, name),
    taskQueue: taskQueue(project),
    args: [{ pipeline: name, trigger: 'schedule' }],
    staticSummary: description ?? name,
    typedSearchAttributes: new TypedSearchAttributes([
      { key: pipelineAttribute, value: name },
      ...(tags.length === 0 ? [] : [{ key: tagsAttribute, value: [...tags] }]),
    ]),
  };
}
