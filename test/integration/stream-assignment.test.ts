import { afterEach, describe, expect, it } from 'vitest';
import { limits } from '../../src/config.js';
import { FencedError } from '../../src/index.js';
import type { SliceReport } from '../../src/sync/index.js';
import { GroupMember } from '../support/group-member.js';
import { type Definitions, newestInLake, TestStore } from '../support/store.js';
import { TestStream, wrapped } from '../support/stream.js';

const minute = (n: number): string => new Date(Date.UTC(2024, 0, 1, 0, n)).toISOString();
const event = (user_id: number, n: number, a: number) => ({ user_id, at: minute(n), made: minute(n), a, b: `b${a}` });
const users = Array.from({ length: 12 }, (_, user) => user);

describe('stream consumers of a group', () => {
  let t: TestStore;
  let stream: TestStream;
  const members: GroupMember[] = [];
  const fencedWaitMs = limits.streamFencedWaitMs;

  async function open(definitions: Definitions = {}): Promise<void> {
    t = await TestStore.open(definitions);
    stream = new TestStream(t, 3);
  }
  const setFencedWait = (ms: number): unknown => Object.assign(limits, { streamFencedWaitMs: ms });
  afterEach(async () => {
    setFencedWait(fencedWaitMs);
    for (const member of members.splice(0)) await member.close();
    await t.close();
  });
  const join = async (...partitions: number[]): Promise<GroupMember> => {
    const member = await GroupMember.join(stream.directory, 'scores', partitions);
    members.push(member);
    return member;
  };
  const consume = (member: GroupMember, more: Parameters<TestStream['consume']>[0] = {}): Promise<SliceReport> =>
    stream.consume({
      source: () => wrapped(member, { close: async () => undefined }),
      sliceMs: 600_000,
      untilEnd: true,
      ...more,
    });
  const sendRound = (n: number) => stream.send(...users.map((user) => event(user, n, n * 100 + user)));

  /** Every event once, whoever read it, and the newest of each user online. */
  async function expectAll(rounds: number): Promise<void> {
    const found = await t.store.lake.all<{ a: number }>(`SELECT a FROM ${t.store.lake.table('scores')} ORDER BY a`);
    const sent = Array.from({ length: rounds }, (_, n) => users.map((user) => n * 100 + user)).flat();
    expect(found.map(({ a }) => a)).toEqual(sent);
    expect(await t.store.steps.eventTotals('scores')).toMatchObject({ read: sent.length, written: sent.length });
    expect(await t.online('scores', users)).toEqual(await newestInLake(t, await t.table('scores'), users, new Date()));
  }

  it('drop what another one took over meanwhile, and go on with what they have', async () => {
    await open();
    await sendRound(0);
    const [first, second] = [await join(0, 1, 2), await join()];
    first.onRecords = async () => {
      first.onRecords = async () => undefined;
      second.assign(1, 2);
      // The newcomer has claimed and reads before this one hears of it, and before it commits what it read of all three.
      await expect.poll(() => second.seeks, { timeout: 60_000 }).toBe(1);
      first.assign(0);
      await sendRound(1);
    };
    const reports = await Promise.all([consume(first), consume(second)]);
    expect(reports.map(({ ended }) => ended)).toEqual(['end_of_topic', 'end_of_topic']);
    expect(reports.map(({ offsets }) => Object.keys(offsets))).toEqual([['0'], ['1', '2']]);
    expect(reports.reduce((sum, { read }) => sum + read, 0)).toBe(2 * users.length);
    await expectAll(2);
  });

  it('commit what was read under an earlier assignment while nobody else has claimed it', async () => {
    await open();
    await sendRound(0);
    const member = await join(0, 1, 2);
    let epochs: number[] = [];
    member.onRecords = async () => {
      member.onRecords = async () => undefined;
      member.assign(0, 1, 2);
      const stores = await t.stores();
      const progress = await stores.offline.partitionProgress(await t.table('scores'), 'scores');
      epochs = [...progress.values()].map(({ epoch }) => epoch);
    };
    const report = await consume(member);
    expect(report).toMatchObject({ read: users.length, written: users.length, ended: 'end_of_topic' });
    expect(epochs).toEqual([1, 1, 1]);
    expect(member.seeks).toBe(2);
    await expectAll(1);
  });

  it('wait without partitions, and end when the others have read all', async () => {
    await open();
    await sendRound(0);
    const [busy, idle] = [await join(0, 1, 2), await join()];
    const waiting = consume(idle).then(async (report) => {
      expect(await t.store.steps.eventTotals('scores')).toMatchObject({ read: 2 * users.length });
      return report;
    });
    busy.onRecords = async () => {
      busy.onRecords = async () => undefined;
      await sendRound(1);
    };
    const [first, second] = await Promise.all([consume(busy), waiting]);
    expect(first).toMatchObject({ read: 2 * users.length, ended: 'end_of_topic' });
    expect(second).toMatchObject({ read: 0, offsets: {}, ended: 'end_of_topic' });
    await expectAll(2);
  });

  it('who is fenced off and hears of his new assignment later goes on', async () => {
    await open();
    await sendRound(0);
    const member = await join(0, 1, 2);
    member.onRecords = async () => {
      member.onRecords = async () => undefined;
      await stream.consume();
      await sendRound(1);
      setTimeout(() => member.assign(0, 1, 2), 300);
    };
    expect(await consume(member)).toMatchObject({ read: users.length, ended: 'end_of_topic' });
    await expectAll(2);
  });

  it('who is fenced off without a new assignment claims again, once', async () => {
    await open();
    setFencedWait(100);
    await sendRound(0);
    const member = await join(0, 1, 2);
    let rivals = 1;
    let foundAt = 0;
    member.onRecords = async () => {
      // One for each time this member claims: it reads on while it commits.
      if (rivals === 0 || member.seeks === foundAt) return;
      foundAt = member.seeks;
      rivals -= 1;
      await stream.consume();
      await sendRound(rivals === 0 ? 1 : 2);
    };
    expect(await consume(member)).toMatchObject({ read: users.length, ended: 'end_of_topic' });
    await expectAll(2);

    rivals = 2;
    await stream.send(event(1, 5, 500));
    const failure = await consume(member).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(FencedError);
    expect((failure as FencedError).message).toMatch(/partition \d of topic scores was taken over/);
  });

  it('a claim that was taken over while its stores were compared leaves the online rows alone', async () => {
    await open();
    await sendRound(0);
    await stream.consume();
    const stores = await t.stores();
    const member = await join(0, 1, 2);
    let dropped = 0;
    let claims = 0;
    const consumed = consume(member, {
      stores: {
        ...stores,
        online: wrapped(stores.online, {
          dropView: async (view) => {
            dropped += 1;
            await stores.online.dropView(view);
          },
        }),
        offline: wrapped(stores.offline, {
          claimPartitions: async (request) => {
            const claimed = await stores.offline.claimPartitions(request);
            claims += 1;
            if (claims > 1) return claimed;
            await sendRound(1);
            await stream.consume();
            member.assign(0, 1, 2);
            return claimed;
          },
        }),
      },
    });
    expect(await consumed).toMatchObject({ read: 0, ended: 'end_of_topic' });
    expect({ claims, dropped }).toEqual({ claims: 2, dropped: 0 });
    await expectAll(2);
  });

  it('build an emptied online store anew when all of them start at once', async () => {
    await open();
    await sendRound(0);
    await stream.consume();
    await t.publish('scores', [{ user_id: 3, at: minute(9), made: minute(9), a: 999, b: 'batch' }]);
    await (await t.store.online()).dropProject();
    await sendRound(1);
    const reports = await Promise.all([consume(await join(0)), consume(await join(1)), consume(await join(2))]);
    expect(reports.reduce((sum, { read }) => sum + read, 0)).toBe(users.length);
    const expected = await newestInLake(t, await t.table('scores'), users, new Date());
    expect(expected[3]).toMatchObject({ a: 999 });
    expect(await t.online('scores', users)).toEqual(expected);
    // What they noted of the store is right as well: the next one has nothing to do again.
    await t.change('scores', 'DELETE FROM {} WHERE a = 999');
    await t.store.materialize({ views: ['scores'] });
    await expectAll(2);
  });

  it('tell how far behind they are, in events and in seconds by the time of the broker', async () => {
    await open();
    await sendRound(0);
    const member = await join(0, 1, 2);
    const seen: SliceReport[] = [];
    const sentAt = Date.now() - 60_000;
    await consume(member, {
      source: () =>
        wrapped(member, {
          close: async () => undefined,
          poll: async (options) => {
            const records = await member.poll({ ...options, rowsMax: 1 });
            // One event a batch.
            await new Promise((resolve) => setTimeout(resolve, records.length > 0 ? limits.streamBatchWaitMs : 0));
            return records.map((record) => ({ ...record, timestampMs: sentAt }));
          },
        }),
      onProgress: (report) => seen.push(report),
    });
    const lags = seen.flatMap(({ offsets }) => Object.values(offsets));
    const behind = lags.filter(({ next, end }) => next > 0 && end > next);
    expect(behind.length).toBeGreaterThan(0);
    for (const { lagSeconds } of behind) expect(lagSeconds).toBeGreaterThanOrEqual(60);
    for (const { lagSeconds } of lags.filter(({ next, end }) => next === end)) expect(lagSeconds).toBe(0);
    expect(lags.some(({ next, end, lagSeconds }) => next < end && lagSeconds === null)).toBe(true);
  });

  describe('begin in a topic the view never read', () => {
    const read = async (member: GroupMember): Promise<number> =>
      (await consume(member, { untilEnd: false, sliceMs: 1_000 })).read;

    it('at the latest event, all of them as of one moment', async () => {
      await open({ source: "start: 'latest'" });
      await sendRound(0);
      expect(await read(await join(0))).toBe(0);
      await sendRound(1);
      // Its first look is later, but the topic was met when the other member came.
      expect(await read(await join(1, 2))).toBeGreaterThan(0);
      expect(await read(await join(0))).toBeGreaterThan(0);
      expect(await t.store.steps.eventTotals('scores')).toMatchObject({ read: users.length });
    });

    it('at a time, by the offsets of the broker', async () => {
      await open({ source: "start: { timestamp: '2024-01-01T00:00:00Z' }" });
      await sendRound(0);
      const member = await join(0, 1, 2);
      const ranges = await member.topicRanges();
      member.offsetsByTime = new Map(
        ranges.map(({ partition, start, end }) => [partition, partition === 0 ? start : end]),
      );
      const first = await read(member);
      expect(first).toBeGreaterThan(0);
      expect(first).toBeLessThan(users.length);
    });

    it('not at a time in files, which hold none', async () => {
      await open({ source: "start: { timestamp: '2024-01-01T00:00:00Z' }" });
      await sendRound(0);
      await expect(stream.consume()).rejects.toThrow(/no times to start from/);
    });
  });
});
