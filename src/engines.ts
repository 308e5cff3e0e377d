import type { Lake } from './lake/index.js';
import type { OfflineStore } from './offline-store/offline-store.js';
import type { OnlineStore } from './online-store/index.js';
import type { Registry } from './registry/index.js';
import type { StreamProducer, StreamSource } from './stream-source/stream-source.js';

/** What a store runs on. */
export interface Engines {
  readonly lake: Lake;
  readonly offline: OfflineStore;
  readonly registry: Registry;
  openOnline(): Promise<OnlineStore>;
  /** @param view whose consumers share the topic's partitions; without one, to look at the topic alone. */
  openStream(topic: string, view?: string): Promise<StreamSource>;
  openProducer(topic: string): Promise<StreamProducer>;
  /** The folder of the project's embedded event logs; `undefined` with a broker. */
  readonly eventLogs: string | undefined;
  /** Removes the project's embedded event logs. */
  dropStreams(): Promise<void>;
}
