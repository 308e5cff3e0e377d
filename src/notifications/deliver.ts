import { createHash } from 'node:crypto';
import { type Notification, type Pipeline, readSetting, type Setting } from '../definitions/index.js';
import { DefinitionError } from '../errors.js';
import type { Notice } from './notice.js';
import { type Posted, post } from './post.js';
import { listNames, type NotificationTarget, notificationsOf } from './run-event.js';
import { signature } from './signature.js';
import { slackMessage } from './slack-message.js';
import { webhookMessage } from './webhook-message.js';

export interface Delivery {
  /** Whose definition names the receiver. */
  readonly pipeline: Pipeline;
  readonly target: Pick<NotificationTarget, 'event' | 'index'>;
  readonly notice: Notice;
  /** Where addresses and secrets are read from. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
  /** How long the receiver may take to answer; default 10 s. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Sends one message to one receiver, once.
 * @returns how that ended: with a DefinitionError for what can't succeed later either (a setting that is missing, a receiver that
 * refuses), with a StoreUnavailableError for what may.
 */
export async function deliver({ pipeline, target, notice, environment, ...how }: Delivery): Promise<Posted> {
  try {
    const notification = notificationsOf(pipeline, target.event)[target.index];
    const field = `${listNames[target.event]}[${target.index}]`;
    const owner = `pipeline "${pipeline.name}"`;
    if (notification === undefined) {
      throw new DefinitionError(`${field} is no longer there`, { where: owner, mend: 'nothing, if that was meant' });
    }
    const where = `${owner}, ${field} (${notification.type})`;
    const read = (name: string, setting: Setting): string =>
      readSetting(owner, `${field}.${name}`, setting, environment);
    const message = messageFor(where, notification, notice, webhookId(notice.runId, target), read);
    return await post({ where, address: read('url', notification.url), ...message, ...how });
  } catch (error) {
    if (error instanceof DefinitionError) return { delivered: false, error };
    throw error;
  }
}

function messageFor(
  where: string,
  notification: Notification,
  notice: Notice,
  id: string,
  read: (name: string, setting: Setting) => string,
): { body: string; headers: Record<string, string> } {
  if (notification.type === 'slack') return { body: slackMessage(notice), headers: {} };
  const body = webhookMessage(notice);
  const sentAt = Math.floor(Date.now() / 1_000);
  const headers = { 'webhook-id': id, 'webhook-timestamp': String(sentAt) };
  if (notification.secret === undefined) return { body, headers };
  const secret = read('secret', notification.secret);
  return { body, headers: { ...headers, 'webhook-signature': signature(where, secret, id, sentAt, body) } };
}

/** The same for every try, so that receivers can tell a message they had already. */
function webhookId(runId: string, { event, index }: Pick<NotificationTarget, 'event' | 'index'>): string {
  const what = JSON.stringify([runId, event, index]);
  return `msg_${createHash('sha256').update(what).digest('base64url').replace(/[-_]/g, '').slice(0, 27)}`;
}
