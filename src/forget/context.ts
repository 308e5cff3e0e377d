import type { FeatureRepo } from '../feature-repo/feature-repo.js';
import type { Lake } from '../lake/index.js';
import type { OfflineStore } from '../offline-store/offline-store.js';
import type { OnlineStore } from '../online-store/online-store.js';
import type { RegistryState } from '../registry/index.js';
import type { Runs } from '../runs/index.js';

/** What forgetting works on. */
export interface ForgetContext extends ForgetEngines {
  readonly store: ForgetStore;
}

export interface ForgetEngines {
  readonly lake: Lake;
  readonly offline: OfflineStore;
  /** Folder of the embedded topics; `undefined` with a broker. */
  readonly eventLogs: string | undefined;
}

export interface ForgetStore {
  readonly runs: Runs;
  readonly repo: FeatureRepo;
  state(): Promise<RegistryState>;
  online(): Promise<OnlineStore>;
}
