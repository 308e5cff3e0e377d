import { DefaultLogger, type LogEntry, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { StoreUnavailableError } from '../index.js';
import { checkSearchAttributes } from './search-attributes.js';
import type { TemporalService } from './service.js';
import { taskQueue } from './task-queue.js';
import { workflowBundle } from './workflow-bundle.js';

export interface WorkerSetup {
  readonly service: TemporalService;
  readonly project: string;
  readonly activities: object;
  /** The file that exports all workflows. */
  readonly workflowsPath: string;
  /** Where the bundled workflows are kept between starts. */
  readonly cacheDirectory: string;
  /** In-flight steps get this long to finish or hand back. */
  readonly shutdownGraceMs?: number;
}

export interface RunningWorker {
  /** Settles when the worker has stopped. */
  readonly stopped: Promise<void>;
  /** Takes no more work and waits for what is in flight. */
  stop(): Promise<void>;
}

/** DuckDB work shares two statement slots; more steps at once would only wait with their heartbeats running. */
const activitiesAtOnce = 8;

/**
 * Starts a worker for a project's pipelines.
 * @throws StoreUnavailableError when the service does not answer, DefinitionError when it lacks search attributes.
 */
export async function startWorker(setup: WorkerSetup): Promise<RunningWorker> {
  quietRuntime();
  const { service, project, activities } = setup;
  const connection = await connect(service);
  try {
    await checkSearchAttributes(connection, service.namespace);
    const worker = await Worker.create({
      connection,
      namespace: service.namespace,
      taskQueue: taskQueue(project),
      activities,
      workflowBundle: await workflowBundle(setup.workflowsPath, setup.cacheDirectory),
      maxConcurrentActivityTaskExecutions: activitiesAtOnce,
      shutdownGraceTime: setup.shutdownGraceMs ?? 6_000,
      shutdownForceTime: (setup.shutdownGraceMs ?? 6_000) + 2_000,
      // The default of 10 s delays every recovery of a workflow whose worker is gone.
      stickyQueueScheduleToStartTimeout: '2s',
      // Cursors travel with heartbeats: what is held back longer than this is done again after a crash.
      maxHeartbeatThrottleInterval: '1s',
      defaultHeartbeatThrottleInterval: '1s',
    });
    const stopped = worker.run().finally(() => connection.close());
    // Whoever started the worker waits for it; until then an early end must not look unhandled.
    stopped.catch(() => undefined);
    return {
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

async function connect(service: TemporalService): Promise<NativeConnection> {
  try {
    return await NativeConnection.connect({ ...service.connection, address: service.address });
  } catch (error) {
    throw new StoreUnavailableError(`Temporal does not answer at ${service.address}`, {
      mend: 'start it with `asof up`, or set TEMPORAL_ADDRESS to a service that runs',
      cause: error,
    });
  }
}

let installed = false;

/** The runtime is one per process: warnings only, and signals are left to whoever runs the worker. */
export function quietRuntime(): void {
  if (installed) return;
  installed = true;
  Runtime.install({ logger: new DefaultLogger('WARN', writeLog), shutdownSignals: [] });
}

/** One line an entry, on stderr: what happened, to what, and why. Histories and run records hold the rest. */
function writeLog({ level, message, meta = {} }: LogEntry): void {
  const { activityType, workflowType, attempt, error } = meta as Record<string, unknown>;
  const what = [activityType ?? workflowType, attempt === undefined ? undefined : `attempt ${String(attempt)}`];
  const why = error instanceof Error ? `: ${error.message.split('\n')[0] ?? ''}` : '';
  const where = what.filter((part) => part !== undefined).join(', ');
  console.error(`[${level}] ${message}${where === '' ? '' : ` (${where})`}${why}`);
}
