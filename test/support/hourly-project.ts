import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataError, DefinitionError, type FeatureStore } from '../../src/index.js';
import { TestStore } from './store.js';

/** `2024-01-01T05:00:00.000Z` */
export const hour = (n: number): string => new Date(Date.UTC(2024, 0, 1, n)).toISOString();

const pipelinesText = `
import * as asof from 'asof';
const { after, every, hourly, manual, once, pipeline } = asof as any;
const retries = { attempts: 1, delay: '100 milliseconds' };
export const hours = pipeline({ name: 'hours', workflow: 'dbToOfflineStore', args: { views: ['stats'] }, schedule: every('1 hour'),
  startAt: '2024-01-01', endAt: '2024-03-01', retries, tags: ['hourly'] });
export const online = pipeline({ name: 'online', workflow: 'materializeOfflineToOnline', args: { views: ['stats'] }, schedule: once(),
  startAt: '2024-01-01', retries });
`;

/** A project with a pipeline `hours` over the view `stats`, from 2024-01-01 on; a few rows each hour. */
export async function hourlyProject(rowsOfHours = 6): Promise<TestStore> {
  const project = await TestStore.open();
  writeFileSync(path.join(project.repo, 'pipelines.ts'), pipelinesText);
  const rows = Array.from({ length: rowsOfHours * 4 }, (_, i) => {
    const at = new Date(Date.UTC(2024, 0, 1, 0, i * 15)).toISOString();
    return { user_id: (i % 7) + 1, at, made: at, a: i, b: `b${i}` };
  });
  project.writeData('stats.ndjson', rows);
  project.writeData('scores.ndjson', rows);
  await project.reopen();
  return project;
}

/** What befalls the step `ingest` of an interval, by its start: an error to fail with, or something to wait for. */
export class Ingests {
  readonly fail = new Map<string, string>();
  /** The same, where the definitions are to blame. */
  readonly refuse = new Map<string, string>();
  readonly hold = new Set<string>();
  /** Starts of the intervals in the order in which they came by. */
  seen: string[] = [];
  mostAtWork = 0;
  #atWork = 0;

  constructor(store: FeatureStore) {
    const { steps } = store;
    const ingest = steps.ingest.bind(steps);
    steps.ingest = async (target, options = {}) => {
      const start = (await store.runs.find(target.runId))?.interval.start ?? '';
      await this.#pass(start, options.signal);
      return ingest(target, options);
    };
  }

  /** Waits until intervals came by. */
  async until(...starts: string[]): Promise<void> {
    while (!starts.every((start) => this.seen.includes(start))) await sleep(20);
  }

  async #pass(start: string, signal: AbortSignal | undefined): Promise<void> {
    this.seen.push(start);
    this.#atWork += 1;
    this.mostAtWork = Math.max(this.mostAtWork, this.#atWork);
    try {
      while (this.hold.has(start)) {
        signal?.throwIfAborted();
        await sleep(20);
      }
      const refusal = this.refuse.get(start);
      if (refusal !== undefined) throw new DefinitionError(refusal, { mend: 'mend the view' });
      const message = this.fail.get(start);
      if (message !== undefined) throw new DataError(message, { mend: 'mend the file' });
    } finally {
      this.#atWork -= 1;
    }
  }
}
