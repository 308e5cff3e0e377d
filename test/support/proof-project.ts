import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { FeatureStore } from '../../src/index.js';
import { newestByUser, type ProofEvent, watermarkMs } from './proof-events.js';

/** A project on Kafka whose stream pipeline may fail often: a broker that is away for a while is no reason to give up. */
export function proofProject(brokers: string, topic: string): { repo: string; close(): void } {
  const root = mkdtempSync(path.join(os.tmpdir(), 'asof-proof-'));
  const repo = path.join(root, 'feature_repo');
  mkdirSync(repo);
  writeFileSync(path.join(root, 'package.json'), '{}');
  writeFileSync(
    path.join(repo, 'definitions.ts'),
    `
import { entity, featureStoreConfig, float64, int64, kafkaSource, manual, pipeline, streamFeatureView, string, timestamp } from 'asof';

export default featureStoreConfig({ project: 'proof', streamSource: { type: 'kafka', brokers: '${brokers}' } });
export const user = entity({ name: 'user', joinKeys: { user_id: int64() } });
export const scores = streamFeatureView({ name: 'scores', entities: [user], late: 'dead_letter',
  source: kafkaSource({ topic: '${topic}', timestampField: 'at', watermark: '${watermarkMs / 60_000} minutes',
    event: { user_id: int64(), at: timestamp(), score: float64(), note: string() } }),
  features: { score: float64(), note: string() } });
export const stream = pipeline({ name: 'stream', workflow: 'streamToStores', args: { view: 'scores', consumers: 3 },
  schedule: manual(), retries: { attempts: 100, delay: '500 milliseconds' } });
`,
  );
  return { repo, close: () => rmSync(root, { recursive: true, force: true, maxRetries: 5 }) };
}

export interface Outcome {
  readonly rows: number;
  readonly deadLetters: number;
  /** How often each kind of reason was given. */
  readonly reasons: Readonly<Record<string, number>>;
  readonly online: number;
  /** What is wrong, the first of each kind; nothing = all is as it must be. */
  readonly wrong: readonly string[];
  /** Of all rows and dead letters by their place, and of all that is online. */
  readonly digest: string;
}

interface Row {
  readonly partition: number;
  readonly offset: number;
  readonly user: number;
  readonly at: number;
  readonly score: number;
  readonly note: string;
}

interface Letter {
  readonly partition: number;
  readonly offset: number;
  readonly reason: string;
}

/** Looks up every event that was sent in both stores. Offsets count from 0, as nothing else was ever sent to the topic. */
export async function outcomeOf(store: FeatureStore, events: readonly ProofEvent[]): Promise<Outcome> {
  const rows = await store.lake.all<Row>(
    `SELECT _partition AS "partition", _offset::DOUBLE AS "offset", user_id::INTEGER AS "user",
       epoch_ms(event_timestamp)::DOUBLE AS at, score, note FROM ${store.lake.table('scores')} ORDER BY 1, 2`,
  );
  const letters = await store.lake.all<Letter>(
    `SELECT "partition", "offset"::DOUBLE AS "offset", reason FROM ${store.lake.system('dead_letters')} ORDER BY 1, 2`,
  );
  const wrong = new Map<string, string>();
  const say = (kind: string, what: string): unknown => wrong.has(kind) || wrong.set(kind, `${kind}: ${what}`);
  const found = places(rows, letters, (place) => say('there twice', place));
  const next = [0, 0, 0, 0];
  for (const { partition, expected } of events) {
    const place = `${partition}/${next[partition]}`;
    next[partition] = (next[partition] as number) + 1;
    const is = found.get(place);
    found.delete(place);
    if (is === undefined) say('nowhere', place);
    else if (expected.type === 'row') {
      const { user, at, score, note } = expected;
      const same = 'user' in is && is.user === user && is.at === at && is.score === score && is.note === note;
      if (!same) say('another row', `${place} ${JSON.stringify(is).slice(0, 200)}`);
    } else if (!('reason' in is && expected.reason.test(is.reason))) {
      say('no dead letter', `${place} ${JSON.stringify(is).slice(0, 200)}`);
    }
  }
  for (const place of found.keys()) say('never sent', place);
  const online = await onlineOf(store, events, say);
  const digest = createHash('sha256');
  for (const each of [...rows, ...letters, ...online]) digest.update(JSON.stringify(each));
  return {
    rows: rows.length,
    deadLetters: letters.length,
    reasons: countReasons(letters),
    online: online.length,
    wrong: [...wrong.values()],
    digest: digest.digest('hex'),
  };
}

function places(
  rows: readonly Row[],
  letters: readonly Letter[],
  twice: (place: string) => void,
): Map<string, Row | Letter> {
  const found = new Map<string, Row | Letter>();
  for (const each of [...rows, ...letters]) {
    const place = `${each.partition}/${each.offset}`;
    if (found.has(place)) twice(place);
    found.set(place, each);
  }
  return found;
}

async function onlineOf(
  store: FeatureStore,
  events: readonly ProofEvent[],
  say: (kind: string, what: string) => void,
): Promise<unknown[]> {
  const newest = [...newestByUser(events)].sort(([a], [b]) => a - b);
  const { rows, eventTimestamps } = await store.getOnlineFeaturesDetailed(
    ['scores:*'],
    newest.map(([user_id]) => ({ user_id })),
  );
  return rows.map((row, index) => {
    const [user, expected] = newest[index] as (typeof newest)[number];
    const at = Object.values(eventTimestamps[index] ?? {})[0]?.getTime();
    const { score, note } = row as Record<string, unknown>;
    if (at !== expected.at || score !== expected.score || note !== expected.note) {
      const is = JSON.stringify({ at, score, note: String(note).slice(0, 20) });
      say('another online row', `user ${user}: ${is}, not ${JSON.stringify(expected).slice(0, 100)}`);
    }
    return [user, at, score, note];
  });
}

function countReasons(letters: readonly Letter[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { reason } of letters) {
    const kind = reason.replace(/[\d"].*$/, '').trim();
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}
