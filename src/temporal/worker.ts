import os from 'node:os';
import { Worker, type WorkerOptions } from '@temporalio/worker';
import { dataConverter } from './data-converter.js';
import { connectNative } from './native-connection.js';
import type { PayloadKeys } from './payload-keys.js';
import { installRuntime } from './runtime.js';
import { checkSearchAttributes } from './search-attributes.js';
import type { TemporalService } from './service.js';
import { taskQueue } from './task-queue.js';
import { workflowBundle } from './workflow-bundle.js';

export interface WorkerSetup extends WorkerSettings {
  readonly service: TemporalService;
  readonly project: string;
  readonly activities: object;
  /** The folder whose `workflows/`, if there is one, joins the built-in workflows. */
  readonly projectRoot: string;
  /** Where the bundled workflows are kept between starts. */
  readonly cacheDirectory: string;
  /** Keys of encrypted payloads; default: those of the environment. */
  readonly keys?: PayloadKeys | undefined;
}

/** What an operator may choose; everything has a default. */
export interface WorkerSettings {
  /** Steps at once. */
  readonly activitiesAtOnce?: number | undefined;
  /** Workflow tasks at once, at least 2. */
  readonly workflowTasksAtOnce?: number | undefined;
  /** `host:port` where metrics are served for Prometheus; default: nowhere. */
  readonly metricsAddress?: string | undefined;
  /** Takes part in worker versioning: the server then sends work to the version that was made current. */
  readonly version?: WorkerVersion | undefined;
  /** In-flight steps get this long to finish or hand back. */
  readonly shutdownGraceMs?: number | undefined;
}

export interface WorkerVersion {
  readonly deploymentName: string;
  readonly buildId: string;
}

export interface RunningWorker {
  /** How the service knows this worker, e.g. in its list of pollers. */
  readonly identity: string;
  /** Settles when the worker has stopped. */
  readonly stopped: Promise<void>;
  /** Takes no more work and waits for what is in flight. */
  stop(): Promise<void>;
}

/** DuckDB work shares two statement slots; more steps at once would only wait with their heartbeats running. */
export const defaultActivitiesAtOnce = 8;

/** The SDK's own default. */
export const defaultWorkflowTasksAtOnce = 40;

/** Tells workers of one machine from those of others. */
export const workerIdentity = (pid: number | string = process.pid): string => `${pid}@${os.hostname()}`;

/**
 * Starts a worker for a project's pipelines.
 * @throws StoreUnavailableError when the service does not answer; DefinitionError when it refuses, lacks namespace or search
 * attributes, a workflow can't be bundled, or metrics can't be served.
 */
export async function startWorker(setup: WorkerSetup): Promise<RunningWorker> {
  const { service, project, activities } = setup;
  const converter = dataConverter(setup.keys);
  // From here on the runtime keeps the process alive until a connection was made and closed, or could not be made.
  installRuntime(setup.metricsAddress);
  const connection = await connectNative(service);
  try {
    await checkSearchAttributes(connection, service.namespace);
    const identity = workerIdentity();
    const worker = await Worker.create({
      connection,
      identity,
      namespace: service.namespace,
      taskQueue: taskQueue(project),
      activities,
      dataConverter: converter,
      workflowBundle: await workflowBundle(setup.projectRoot, setup.cacheDirectory, converter.failureConverterPath),
      ...tuning(setup),
      ...versioning(setup.version),
    });
    const stopped = worker.run().finally(() => connection.close());
    // Whoever started the worker waits for it; until then an early end must not look unhandled.
    stopped.catch(() => undefined);
    return {
      identity,
      stopped,
      stop: async () => {
        if (worker.getState() === 'RUNNING') worker.shutdown();
        await stopped;
      },
    };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

function tuning({ activitiesAtOnce, workflowTasksAtOnce, shutdownGraceMs = 6_000 }: WorkerSettings) {
  return {
    maxConcurrentActivityTaskExecutions: activitiesAtOnce ?? defaultActivitiesAtOnce,
    maxConcurrentWorkflowTaskExecutions: workflowTasksAtOnce ?? defaultWorkflowTasksAtOnce,
    shutdownGraceTime: shutdownGraceMs,
    shutdownForceTime: shutdownGraceMs + 2_000,
    // The default of 10 s delays every recovery of a workflow whose worker is gone.
    stickyQueueScheduleToStartTimeout: '2s',
    // Cursors travel with heartbeats: what is held back longer than this is done again after a crash.
    maxHeartbeatThrottleInterval: '1s',
    defaultHeartbeatThrottleInterval: '1s',
  } satisfies Partial<WorkerOptions>;
}

/**
 * Runs move to the newest version at once: streams never end, so a version they were pinned to could never be switched off, and
 * recorded histories of every workflow are replayed before a release, so a newer version can take them over.
 */
function versioning(version: WorkerVersion | undefined): Partial<WorkerOptions> {
  if (version === undefined) return {};
  return {
    workerDeploymentOptions: { version, useWorkerVersioning: true, defaultVersioningBehavior: 'AUTO_UPGRADE' },
  };
}
