/** Every function exported here is registered as a workflow under its name. */
export { dbToOfflineStore } from './db-to-offline-store.js';
export { materializeOfflineToOnline } from './materialize-offline-to-online.js';
export { streamToStores } from './stream-to-stores.js';
export { verifyOnlineOffline } from './verify-online-offline.js';
