import { fork } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, it } from 'vitest';
import { StoreUnavailableError } from '../../src/errors.js';
import { builtProgram } from '../support/build.js';
import { onBothCatalogs } from '../support/catalogs.js';
import { newestInLake, TestStore } from '../support/store.js';
import { TestStream } from '../support/stream.js';

const at = (n: number): string => new Date(Date.UTC(2024, 0, 1, 0, n)).toISOString();
const gone = 20;
const others = Array.from({ length: 19 }, (_, n) => n + 1);
let t: TestStore;

/** As steps of pipelines do: a snapshot that is gone while it is read is an error that another try mends. */
async function again<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
    }
  }
}

afterEach(() => t.close());

onBothCatalogs('forget beside writers at work', (engines) => {
  it('takes the key and nothing else, while a stream, publishes, pushes of another process and materialize go on', async () => {
    t = await TestStore.open({}, await engines());
    const stream = new TestStream(t);
    let minute = 0;
    const send = (users: readonly number[]) => {
      minute += 1;
      return stream.send(...users.map((user_id) => ({ user_id, at: at(minute), made: null, a: minute, b: 'x' })));
    };
    const publish = (users: readonly number[]) =>
      t.publish(
        'stats',
        users.map((user_id) => ({ user_id, at: at(minute), a: minute, b: 'y' })),
      );
    await send([...others, gone]);
    await stream.consume();
    await publish([...others, gone]);
    await t.store.materialize();
    const other = await t.another();
    let isOver = false;
    let sent = 1;
    const writers = (async () => {
      let published = 1;
      while (!isOver) {
        await send(others);
        sent += 1;
        await again(() => stream.consume());
        await again(() => publish(others));
        minute += 1;
        const pushed = others.map((user_id) =>
          JSON.stringify({ user_id, at: at(minute), made: null, a: minute, b: 'p' }),
        );
        const round = minute;
        await again(() => other.steps.push('stats', pushed, `round-${round}`));
        published += 2;
        await again(() => t.store.materialize({ views: ['stats'] }));
      }
      return published;
    })();
    const report = await t.store.forgetting.forget([{ user_id: gone }]);
    const before = minute;
    // At least one full round after it.
    while (minute < before + 4) await Promise.race([writers, new Promise((resolve) => setTimeout(resolve, 20))]);
    isOver = true;
    const published = await writers;
    await other.close();
    expect(report).toMatchObject({ removed: { tables: { scores: 1, stats: 1 }, online: 2 }, left: [] });
    const { lake } = t.store;
    for (const [view, rounds] of [
      ['scores', sent],
      ['stats', published],
    ] as const) {
      const rows = await lake.all<{ user_id: bigint; n: bigint; different: bigint }>(
        `SELECT user_id, count(*) AS n, count(DISTINCT event_timestamp) AS different FROM ${lake.table(view)} GROUP BY ALL ORDER BY ALL`,
      );
      expect(rows).toEqual(
        others.map((user_id) => ({ user_id: BigInt(user_id), n: BigInt(rounds), different: BigInt(rounds) })),
      );
      expect(await t.online(view, [...others, gone])).toEqual(
        await newestInLake(t, await t.table(view), [...others, gone], new Date()),
      );
    }
    expect(await t.store.forgetting.forget([{ user_id: gone }])).toMatchObject({
      removed: { tables: {}, online: 0, snapshots: 0 },
      left: [],
    });
  }, 240_000);
});

onBothCatalogs('forget, killed', (engines) => {
  it('goes on where its process was killed, and loses no other row', async () => {
    t = await TestStore.open({}, await engines());
    for (const hour of [1, 2])
      await t.publish(
        'stats',
        [...others, gone].map((user_id) => ({ user_id, at: at(hour), a: user_id, b: 'x' })),
      );
    await t.store.materialize({ views: ['stats'] });
    const killedAt: string[] = [];
    // Killed as its second, fourth … step begins, until it comes through.
    for (let step = 1; ; step += 2) {
      const child = fork(builtProgram('test/support/forget-process.ts'), [t.repo, String(gone), String(step)], {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      });
      child.on('message', (line) => killedAt.push(String(line)));
      const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
      if (signal === null) {
        expect(code).toBe(0);
        break;
      }
      expect(signal).toBe('SIGKILL');
    }
    expect(killedAt.length).toBeGreaterThan(3);
    await t.reopen();
    expect((await t.store.forgetting.list())[0]).toMatchObject({ state: 'proved' });
    const { lake } = t.store;
    const rows = await lake.all(
      `SELECT user_id::INTEGER AS u, count(*)::INTEGER AS n FROM ${lake.table('stats')} GROUP BY ALL ORDER BY ALL`,
    );
    expect(rows).toEqual(others.map((u) => ({ u, n: 2 })));
    expect((await t.online('stats', [gone]))[0]).toBeUndefined();
    await t.store.materialize({ views: ['stats'] });
    expect(await t.store.steps.checkOnline('stats')).toMatchObject({ agrees: true });
  }, 240_000);
});
