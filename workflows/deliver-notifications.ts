import { ApplicationFailure, isCancellation, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { NotificationTarget, RunEvent } from '../src/index.js';
import { notificationTargets, notify } from './lib/activity-proxies.js';

/** Who was told, and how often it was tried. */
export interface DeliverySummary {
  readonly pipeline: string;
  readonly runId: string;
  readonly event: string;
  readonly delivered: readonly { readonly target: string; readonly status: number; readonly attempts: number }[];
}

/**
 * Tells everybody whom a pipeline's definition names of something that happened to a run, all at once; one that can't be reached
 * holds nobody up. Fails when one could not be told for a day, or refuses.
 */
export async function deliverNotifications(event: RunEvent): Promise<DeliverySummary> {
  const at = workflowInfo().startTime.toISOString();
  const { pipeline, runId } = event;
  const targets = await notificationTargets({ pipeline, event: event.event }).catch((error: unknown) => {
    throw isCancellation(error) ? error : ApplicationFailure.nonRetryable(reason(error), 'DeliveryFailed');
  });
  const lines = targets.map(({ label }) => `- ${label}: under way`);
  const show = (): void => setCurrentDetails(lines.join('\n'));
  show();
  const deliver = async (target: NotificationTarget, line: number) => {
    try {
      const { status, attempts } = await notify.executeWithOptions({ summary: target.label }, [{ event, at, target }]);
      lines[line] = `- ${target.label}: told, attempt ${attempts}`;
      return { target: target.label, status, attempts };
    } catch (error) {
      if (isCancellation(error)) throw error;
      lines[line] = `- ${target.label}: ${reason(error)}`;
      return { target: target.label, failed: reason(error) };
    } finally {
      show();
    }
  };
  const results = await Promise.all(targets.map(deliver));
  const delivered = results.flatMap((result) => ('failed' in result ? [] : [result]));
  const failed = results.flatMap((result) => ('failed' in result ? [result.failed] : []));
  if (failed.length === 0) return { pipeline, runId, event: event.event, delivered };
  const told = `${failed.length} of ${targets.length} could not be told`;
  throw ApplicationFailure.nonRetryable(`${told}: ${failed.join('; ')}`, 'DeliveryFailed');
}

/** The innermost message: the layers around it only say that the activity failed, or for how long it was tried. */
function reason(error: unknown): string {
  let root = error;
  while (root instanceof Error && root.cause instanceof Error) root = root.cause;
  return (root instanceof Error ? root.message : String(root)).slice(0, 1_000);
}
