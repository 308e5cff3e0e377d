import path from 'node:path';
import type { IngestResult } from './batch-source/index.js';
import { limits } from './config.js';
import type { StreamFeatureView } from './definitions/index.js';
import type { Engines } from './engines.js';
import { DefinitionError } from './errors.js';
import {
  type CleanReport,
  type CleanTarget,
  cleaned,
  cleanStep,
  type EtlContext,
  type ExploreReport,
  etlContext,
  exploreStep,
  fedBy,
  type IngestTarget,
  ingestStep,
  judgeRows,
  type PublishReport,
  publishStep,
  Quarantine,
  Staging,
  type StepOptions,
  type StepReport,
  type StepTarget,
  type TakeOver,
  type TakeOverFrom,
  takeOver,
  validationResults,
} from './etl/index.js';
import { codeAtWork } from './feature-repo/index.js';
import type { FeatureStore } from './feature-store.js';
import { type DeadLetterRecord, listDeadLetters } from './offline-store/dead-letters.js';
import type { EventCounts } from './offline-store/offline-store.js';
import { type ReplayRequest, replay } from './stream-source/replay.js';
import {
  consumeStream,
  keepVerification,
  type MaterializeMode,
  type MaterializeProgress,
  type MaterializeResult,
  materializeView,
  type PushResult,
  pushRows,
  type SliceReport,
  type VerifyReport,
  type VerifyRequest,
  type VerifyResult,
  verifyView,
} from './sync/index.js';

type PipelineTarget = StepTarget & { readonly pipeline: string };

export interface MaterializeStepOptions extends StepOptions {
  readonly mode: MaterializeMode;
  /** Rows later than this stay history; of a window: than the latest of this, its end, and what is online already. */
  readonly end?: Date | undefined;
  readonly resume?: MaterializeProgress | undefined;
  readonly onCursor?: ((progress: MaterializeProgress) => void) | undefined;
}

export type ReplayOptions = Omit<ReplayRequest, 'producer' | 'keyColumn' | 'timestampColumn'>;

export type VerifyOptions = Omit<VerifyRequest, 'table' | 'directory'>;

export interface ConsumeStepOptions {
  /** Default: a minute, or longer in a consumer group, where each end makes all members pause. */
  readonly sliceMs?: number | undefined;
  /** Which of the run's consumers this is; default 0. */
  readonly consumer?: number | undefined;
  readonly untilEnd?: boolean | undefined;
  readonly acceptGap?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((report: SliceReport) => void) | undefined;
}

/** The steps of pipelines, one method each: idempotent for a run, resumable, cancellable. Activities call them; so can you. */
export class PipelineSteps {
  readonly quarantine: Quarantine;
  readonly #store: FeatureStore;
  readonly #engines: Engines;

  constructor(store: FeatureStore, engines: Engines) {
    this.#store = store;
    this.#engines = engines;
    this.quarantine = new Quarantine({
      ...engines,
      viewContext: (view) => this.#context(view),
      requireApplied: () => store.requireApplied(),
    });
  }

  async ingest(target: IngestTarget, options: StepOptions = {}): Promise<StepReport> {
    return ingestStep(await this.#context(target.view), target, options);
  }

  async clean(target: CleanTarget, options: StepOptions = {}): Promise<CleanReport> {
    return cleanStep(await this.#context(target.view), target, options);
  }

  async exploreAndValidate(target: PipelineTarget, options: StepOptions = {}): Promise<ExploreReport> {
    return exploreStep(await this.#context(target.view), target, options);
  }

  async publish(target: PipelineTarget, options: StepOptions = {}): Promise<PublishReport> {
    return publishStep(await this.#context(target.view), target, options);
  }

  /** What a run can take over of an ended one, view by view. @param into the run that does so, which then finds those steps done. */
  takeOver(from: TakeOverFrom, views: readonly string[], into?: string): Promise<TakeOver[]> {
    return takeOver((view) => this.#context(view), from, views, into);
  }

  /** What a run's validation found, with examples of bad rows. */
  validationResults(runId: string): ReturnType<typeof validationResults> {
    return validationResults({ lake: this.#engines.lake }, runId);
  }

  async materialize(
    target: StepTarget,
    { mode, end, resume, signal, onCursor }: MaterializeStepOptions,
  ): Promise<MaterializeResult> {
    const { table } = await this.#store.view(target.view);
    return materializeView(await this.#stores(), {
      ...{ table, mode, end, resume, signal },
      file: this.#file(target, 'newest.parquet'),
      onProgress: onCursor,
    });
  }

  /**
   * Checks that what is online of a view equals the answer of the lake at its cursor, key by key. Reads only; may run while others
   * write.
   * @throws DefinitionError when the view is unknown, not applied or kept offline.
   */
  async checkOnline(view: string, options: VerifyOptions = {}): Promise<VerifyResult> {
    const [name = view] = this.#store.onlineViews([view]);
    const { table } = await this.#store.view(name);
    const directory = path.join(this.#engines.lake.sharedDirectory, 'staging');
    return verifyView(await this.#stores(), { table, directory, ...options });
  }

  /** The same for a run: the result is kept with the run's record and in a report. */
  async verify(
    { runId, view }: StepTarget,
    { failOn, ...options }: VerifyOptions & { readonly failOn: boolean },
  ): Promise<VerifyReport> {
    const result = await this.checkOnline(view, options);
    return keepVerification(this.#engines.lake, { runId, result, projectRoot: this.#store.repo.projectRoot, failOn });
  }

  async consumeStream(
    target: StepTarget,
    { consumer = 0, sliceMs = this.#sliceMs(), ...options }: ConsumeStepOptions = {},
  ): Promise<SliceReport> {
    const { view, table } = await this.#streamView(target.view);
    const source = await this.#engines.openStream(view.source.topic, view.name);
    try {
      // The attempt before, lost by the server, may still be at work in another process.
      const file = this.#file(target, `catch-up-${consumer}-${process.pid}.parquet`);
      const madeFor = { runId: target.runId, ...(await this.#context(view.name)).madeBy };
      const request = { view, table, source, file, sliceMs, ...options, consumer: madeFor };
      return await consumeStream(await this.#stores(), request);
    } finally {
      await source.close();
    }
  }

  #sliceMs(): number {
    return this.#sharesPartitions ? limits.streamGroupSliceMs : limits.streamSliceMs;
  }

  /** Whether several consumers of a view share a topic's partitions. */
  get #sharesPartitions(): boolean {
    return this.#store.repo.config.streamSource.type === 'kafka';
  }

  /** @throws DefinitionError when a stream of this project can't have so many consumers at once. */
  checkConsumers(consumers: unknown): void {
    const most = limits.streamConsumersMax;
    if (typeof consumers !== 'number' || !Number.isInteger(consumers) || consumers < 1 || consumers > most) {
      throw new DefinitionError(`argument consumers is ${JSON.stringify(consumers)}`, {
        mend: `write a whole number from 1 to ${most}`,
      });
    }
    if (consumers === 1 || this.#sharesPartitions) return;
    throw new DefinitionError(`a stream in files has one consumer, not ${consumers}`, {
      where: `project "${this.#store.project}"`,
      mend: "leave the argument consumers out; only a broker shares partitions out: streamSource: { type: 'kafka', … }",
    });
  }

  /** What became of all events a stream view ever read; exact, because it is committed with the rows. */
  async eventTotals(viewName: string): Promise<EventCounts> {
    const { view, table } = await this.#streamView(viewName);
    return this.#engines.offline.eventTotals(table, view.source.topic);
  }

  /** How many events the view's topic holds beyond its start, in the units of its offsets; 0 = none, or no topic. */
  async topicLength(viewName: string): Promise<number> {
    const { view } = await this.#streamView(viewName);
    try {
      const source = await this.#engines.openStream(view.source.topic);
      try {
        return (await source.topicRanges()).reduce((sum, { start, end }) => sum + end - start, 0);
      } finally {
        await source.close();
      }
    } catch (error) {
      if (error instanceof DefinitionError) return 0;
      throw error;
    }
  }

  /** Sends recorded events (Parquet) to the topic of a stream view, keyed by its first join key, at a rate, endlessly if asked. */
  async replayStream(viewName: string, options: ReplayOptions): Promise<{ sent: number; topic: string }> {
    const { view, table } = await this.#streamView(viewName);
    const { topic, timestampField } = view.source;
    const producer = await this.#engines.openProducer(topic);
    try {
      const keyColumn = Object.keys(table.joinKeys)[0] as string;
      const { sent } = await replay(this.#engines.lake, {
        ...options,
        producer,
        keyColumn,
        timestampColumn: timestampField,
      });
      return { sent, topic };
    } finally {
      await producer.close();
    }
  }

  /** Events of a view that could not be used, the newest first. */
  async deadLetters(viewName: string, limit: number): Promise<DeadLetterRecord[]> {
    const { view } = await this.#streamView(viewName);
    return listDeadLetters(this.#engines.lake, view.name, limit);
  }

  /**
   * Puts rows (JSON objects, or the path of a file) into both stores at once, through the same cleaning as a pipeline: their
   * columns are those of the view's source (a stream view takes its events, and applies its transform).
   */
  async push(
    viewName: string,
    rows: string | readonly string[],
    pushId: string,
    { signal }: Pick<StepOptions, 'signal'> = {},
  ): Promise<PushResult & { duplicates: number }> {
    await this.#store.requireApplied();
    const { view, table } = await this.#store.view(viewName);
    const target = { runId: `push-${pushId}`, view: viewName };
    const found = await this.#context(viewName);
    const staging = new Staging(found.sharedDirectory, target.runId, viewName);
    try {
      const pushed = await fedBy(found.lake, view, rows, staging.file('rows.ndjson'));
      const context = { ...found, view: () => ({ view: pushed, table }) };
      await ingestStep(context, target, { signal });
      const { duplicates } = await cleanStep(context, target, { signal });
      await judgeRows(context, target, { signal });
      const result = await pushRows(await this.#stores(), {
        table,
        cleaned: staging.file(cleaned),
        file: staging.file('newest.parquet'),
        pushId: target.runId,
        provenance: JSON.stringify({ ...staging.result<IngestResult>('ingest').provenance, push: true }),
        madeBy: context.madeBy,
        online: view.online,
        signal,
      });
      return { ...result, duplicates };
    } finally {
      staging.remove();
    }
  }

  async #streamView(name: string): Promise<Awaited<ReturnType<FeatureStore['view']>> & { view: StreamFeatureView }> {
    const { view, table } = await this.#store.view(name);
    if (view.kind === 'stream_feature_view') return { view, table };
    throw new DefinitionError(`"${name}" is a batch view; it has no stream`, {
      mend: 'run a dbToOfflineStore pipeline for it, or make it a streamFeatureView',
    });
  }

  async #stores() {
    return { lake: this.#engines.lake, offline: this.#engines.offline, online: await this.#store.online() };
  }

  #file({ runId, view }: StepTarget, name: string): string {
    return path.join(this.#engines.lake.sharedDirectory, 'staging', runId, view, name);
  }

  async #context(view: string): Promise<EtlContext> {
    const { repo } = this.#store;
    const { version: registryVersion } = await this.#store.state();
    const madeBy = { registryVersion, code: JSON.stringify(await codeAtWork(repo)) };
    return etlContext(repo, { ...this.#engines, madeBy }, await this.#store.view(view));
  }
}
