import { afterAll, beforeAll, it } from 'vitest';
import { expectRefused, runCli } from '../support/cli.js';
import { TestStore } from '../support/store.js';

let t: TestStore;
const forget = (...args: string[]) => runCli(['forget', ...args], { cwd: t.root });

beforeAll(async () => {
  t = await TestStore.open({});
});
afterAll(() => t.close());

it('tells of a mistyped key before it says that nobody can be asked', async () => {
  const reason = /there is no join key "user_idd"/;
  expectRefused(await forget('--key', 'user_idd=1'), 2, reason, /did you mean.*user_id/);
  expectRefused(await forget('--key', 'user_id=1', '--entity', 'usr'), 2, /there is no entity "usr"/, /user/);
});

it('tells of a reason that holds the key before it asks', async () => {
  expectRefused(
    await forget('--key', 'user_id=17', '--reason', 'request of user-17'),
    2,
    /the reason holds the value of user_id, and it is kept for good/,
    /→ say why without saying whom/,
  );
});

it('asks nobody who is not there', async () => {
  const mend = /→ look first with --dry-run, then add --yes/;
  expectRefused(
    await forget('--key', 'user_id=1'),
    2,
    /forget removes data for good and nobody is here to be asked/,
    mend,
  );
});
