import type { Lake } from '../lake/index.js';
import type { OfflineStore } from '../offline-store/offline-store.js';
import type { OnlineStore } from '../online-store/online-store.js';

/** Both stores of a project and the lake below the first. */
export interface Stores {
  readonly lake: Lake;
  readonly offline: OfflineStore;
  readonly online: OnlineStore;
}
