import type { Notice } from './notice.js';

const statuses = { failed: 'failed', succeeded: 'completed', deadline_missed: 'running' } as const;

/** The body of a webhook: `type`, `timestamp` and `data`, as https://www.standardwebhooks.com recommends. docs/notifications.md shows one. */
export function webhookMessage({ event, at, interval, ...notice }: Notice): string {
  const { test, project, pipeline, runId, workflowId, url, message, published, quality } = notice;
  return JSON.stringify({
    type: `run.${event}`,
    timestamp: at,
    data: {
      ...{ test, project, pipeline, runId, workflowId, status: statuses[event], interval },
      ...{ startedAt: notice.startedAt, dueAt: notice.dueAt, message, published, quality },
      ...{ reports: notice.reports ?? {}, url, owner: notice.owner, tags: notice.tags },
    },
  });
}
