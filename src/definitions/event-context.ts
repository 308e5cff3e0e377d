/**
 * What is known of the message an event came in, as a transform's second argument. Rows of the batch source and pushed rows came in
 * no message: there everything is undefined and `headers` is empty, so a transform that uses it must say what it does then.
 */
export interface EventContext {
  /** The message's key, read as UTF-8. */
  readonly key: string | undefined;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** When the message was sent, as the broker or its producer says; not the event's own time. */
  readonly timestamp: Date | undefined;
  readonly partition: number | undefined;
  readonly offset: number | undefined;
}
