import { DefinitionError } from '../errors.js';
import { checkFields, label } from './definition.js';
import { checkSetting, type Setting } from './setting.js';

/** Who is told of a run, as data; addresses and secrets are read from the environment when it is sent. */
export type Notification =
  | {
      readonly type: 'webhook';
      readonly url: Setting;
      /** Signs the body, so that the receiver can tell who sent it. */
      readonly secret: Setting | undefined;
    }
  | { readonly type: 'slack'; readonly url: Setting };

/**
 * A POST of JSON (docs/notifications.md shows it), signed as https://www.standardwebhooks.com has it where a
 * secret is given.
 * @param url `env('ON_CALL_URL')`, or text without a password.
 * @param secret `env('ON_CALL_SECRET')`.
 */
export function webhook(def: { url: Setting; secret?: Setting }): Notification {
  checkFields('webhook()', def, ['url', 'secret']);
  checkSetting('webhook()', 'url', def.url, 'url');
  if (def.secret !== undefined) checkSetting('webhook()', 'secret', def.secret, 'secret');
  return Object.freeze({ type: 'webhook', url: def.url, secret: def.secret });
}

/** A message to a Slack channel, or to anything that takes Slack's incoming webhooks. Their URL is a secret: `env('SLACK_URL')`. */
export function slack(url: Setting): Notification {
  checkSetting('slack()', 'url', url, 'secret');
  return Object.freeze({ type: 'slack', url });
}

/** @throws DefinitionError for what is no list of notifications. */
export function checkNotifications(pipeline: string, field: string, given: readonly Notification[]): void {
  const ok = Array.isArray(given) && given.every((one) => one?.type === 'webhook' || one?.type === 'slack');
  if (ok) return;
  throw new DefinitionError(`${field} is no list of notifications`, {
    where: label('pipeline', pipeline),
    mend: `write ${field}: [slack(env('SLACK_URL'))] or [webhook({ url: env('ON_CALL_URL') })]`,
  });
}
