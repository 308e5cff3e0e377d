/** A worker as its own process, to be killed: `<repo> <address> [slots]` on its command line. */
import { projectActivities } from '../../src/cli/project-activities.js';
import { openFeatureStore } from '../../src/index.js';
import { startWorker } from '../../src/temporal/index.js';
import { bundleCache } from './build.js';

const [repo = '', address = '', slots] = process.argv.slice(2);
const store = await openFeatureStore(repo);
const shutdown = new AbortController();
const worker = await startWorker({
  service: { address, namespace: 'default', uiUrl: undefined, connection: { address } },
  project: store.project,
  activities: await projectActivities({ store, shutdown: shutdown.signal }),
  projectRoot: store.repo.projectRoot,
  cacheDirectory: bundleCache(),
  ...(slots === undefined ? {} : { activitiesAtOnce: Number(slots) }),
});
process.on('SIGTERM', () => {
  shutdown.abort(new Error('the worker is shutting down'));
  void worker.stop().then(() => store.close());
});
console.log('ready');
await worker.stopped;
