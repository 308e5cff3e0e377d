import { openFeatureStore } from '../../src/index.js';

/** Forgets a user of a test's project, and kills itself as the step after so many begins, or a moment later. */
const [, , repo, user, last] = process.argv;
const store = await openFeatureStore(repo as string);
let step = 0;
await store.forgetting.forget([{ user_id: Number(user) }], {
  onProgress: (line) => {
    if (line.startsWith('proof:')) return;
    step += 1;
    if (step <= Number(last)) return;
    process.send?.(line, () => process.kill(process.pid, 'SIGKILL'));
  },
});
await store.close();
process.disconnect?.();
