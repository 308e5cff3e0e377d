import type { OnlineStore } from '../online-store/online-store.js';

/** How far the online rows of a view reflect a partition. Kept in the online store, so that it is lost with the rows. */
const noteName = (topic: string, partition: number): string => `offset:${topic}:${partition}`;

export interface OnlineOffset {
  readonly topicId: string;
  readonly nextOffset: number;
  /** Of the online rows (see Origin): after a store was emptied, offsets noted by a consumer that did not know are void. */
  readonly incarnation: string;
}

export async function readOnlineOffset(
  online: OnlineStore,
  view: string,
  topic: string,
  partition: number,
): Promise<OnlineOffset | undefined> {
  const text = await online.getNote(view, noteName(topic, partition));
  return text === undefined ? undefined : (JSON.parse(text) as OnlineOffset);
}

export const writeOnlineOffset = (
  online: OnlineStore,
  view: string,
  topic: string,
  partition: number,
  offset: OnlineOffset,
): Promise<void> => online.setNote(view, noteName(topic, partition), JSON.stringify(offset));
