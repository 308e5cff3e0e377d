import {
  type NotificationTarget,
  pipelineNamed,
  type RunEventName,
  notificationTargets as targetsOf,
} from '../src/index.js';
import type { ActivityDeps } from './lib/deps.js';

/** Whom a pipeline tells of an event. */
export const notificationTargets = async (
  deps: ActivityDeps,
  { pipeline, event }: { readonly pipeline: string; readonly event: RunEventName },
): Promise<NotificationTarget[]> => targetsOf(pipelineNamed(deps.store.repo.pipelines, pipeline), event);
