import type { FeatureStore, Json } from '../../src/index.js';
import {
  failureReason,
  type RunningWorker,
  type StartedRun,
  type StartRequest,
  startPipeline,
} from '../../src/temporal/index.js';
import type { RunSummary } from '../../workflows/lib/contract.js';
import { replayHistories } from './histories.js';
import { workerFor } from './in-process-worker.js';
import { startTemporal, type TestTemporal } from './temporal.js';

type More = Pick<StartRequest, 'interval' | 'trigger'>;

/** A store whose pipelines run: with a Temporal server of its own and a worker in this process. */
export class ServedStore {
  readonly temporal: TestTemporal;
  #store: FeatureStore;
  #worker: RunningWorker;

  private constructor(temporal: TestTemporal, store: FeatureStore, worker: RunningWorker) {
    this.temporal = temporal;
    this.#store = store;
    this.#worker = worker;
  }

  static async serve(store: FeatureStore): Promise<ServedStore> {
    const temporal = await startTemporal();
    try {
      return new ServedStore(temporal, store, await workerFor(store, temporal.address));
    } catch (error) {
      await temporal.close();
      throw error;
    }
  }

  /** Stops the worker and starts another, for a store that was opened anew, or the same one. */
  async serveAgain(store = this.#store): Promise<void> {
    await this.#worker.stop();
    this.#store = store;
    this.#worker = await workerFor(store, this.temporal.address);
  }

  start(name: string, args?: Readonly<Record<string, Json>>, more: More = {}): Promise<StartedRun> {
    const pipeline = this.#store.repo.pipelines.get(name);
    if (pipeline === undefined) throw new Error(`no pipeline ${name}`);
    return startPipeline(this.temporal.client, { project: this.#store.project, pipeline, args, ...more });
  }

  async run(...started: Parameters<ServedStore['start']>): Promise<RunSummary> {
    return (await this.start(...started)).handle.result() as Promise<RunSummary>;
  }

  /** A run to its end, and why it failed; `completed` when it did not. */
  async fail(...started: Parameters<ServedStore['start']>): Promise<StartedRun & { message: string }> {
    const run = await this.start(...started);
    return { ...run, message: await run.handle.result().then(() => 'completed', failureReason) };
  }

  /** Replays every run there was. @returns their workflow ids. */
  replayHistories(): Promise<string[]> {
    return replayHistories(this.temporal.client, this.#store.repo.projectRoot);
  }

  /** Stops worker and server; the store stays open. */
  async close(): Promise<void> {
    await this.#worker.stop();
    await this.temporal.close();
  }
}
