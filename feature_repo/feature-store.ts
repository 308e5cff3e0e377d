import { featureStoreConfig } from 'asof';

/** The project's name keeps its tables, keys and workflows apart from those of other projects. */
export default featureStoreConfig({
  project: 'drivers',
  onlineStore: { type: 'lmdb' },
  streamSource: { type: 'file' },
});
