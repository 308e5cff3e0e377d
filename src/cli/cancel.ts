import { type Client, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import type { Command } from 'commander';
import { endEvent, lineageReporterId } from '../../workflows/lib/lineage-reporter.js';
import type { reportLineage } from '../../workflows/report-lineage.js';
import { DefinitionError, type FeatureStore, type RunRecord, StoreUnavailableError } from '../index.js';
import { hasWorker, type RunIdentity, runHandle, runsAtWork, taskQueue, temporalStatus } from '../temporal/index.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { exitCodes } from './exit-code.js';
import { aborted, interruptSignal } from './interrupt.js';
import { printJson } from './output.js';
import { runTask } from './progress.js';
import { withTemporal } from './temporal-location.js';

export function registerCancel(program: Command): void {
  describeCommand(
    program
      .command('cancel')
      .description('end a run before it is done: its step hands in what it may keep, its interval becomes free')
      .argument('<run>', 'run id, the beginning of one, workflow id, or a pipeline with one run at work')
      .option('--no-wait', 'ask for it and go; default: wait until the run has ended'),
    'asof cancel 0198a6f2-1af5\nasof cancel stream_to_stores --no-wait',
  ).action(action(cancel));
}

/** What became of the run, as `--json` prints it. */
interface Outcome extends Partial<RunIdentity> {
  readonly pipeline: string | undefined;
  /** Whether this command asked the run to end. */
  readonly cancelled: boolean;
  readonly status: string;
  readonly message: string;
}

async function cancel(options: GlobalOptions, target: string, { wait }: { wait: boolean }): Promise<number> {
  return withStore(options, (store) =>
    withTemporal(store.repo.stateDir, async (client) => {
      const tell = (outcome: Outcome): number => {
        if (options.json) printJson(outcome);
        else console.log(outcome.message);
        return exitCodes.ok;
      };
      const run = await findRun(store, client, target);
      if (run === undefined) return tell(await nothingAtWork(store, target));
      const { record, ...identity } = run;
      const pipeline = record?.pipeline ?? (store.repo.pipelines.has(target) ? target : undefined);
      const name = `run ${identity.runId.slice(0, 13)}${pipeline === undefined ? '' : ` of ${pipeline}`}`;
      const told = { ...identity, pipeline, cancelled: false };
      if (record !== undefined && record.status !== 'running') {
        return tell({
          ...told,
          status: record.status,
          message: `${name} is over: ${record.status} at ${record.closedAt}`,
        });
      }
      const now = await temporalStatus(client, identity);
      if (now !== 'RUNNING') return tell({ ...told, ...(await closeLost({ store, client }, record, name, now)) });
      const handle = runHandle(client, identity);
      await handle.cancel();
      const asked = { ...told, cancelled: true };
      if (!wait) {
        return tell({
          ...asked,
          status: 'running',
          message: `Asked ${name} to end; it is over once its step has handed in`,
        });
      }
      if (!(await hasWorker(client, store.project))) {
        throw new StoreUnavailableError(`${name} is asked to end, but no worker serves project "${store.project}"`, {
          mend: 'start one with `asof worker`: the run ends as soon as one is there',
        });
      }
      const signal = interruptSignal();
      await runTask(`cancelling ${name}`, options, () =>
        Promise.race([client.withAbortSignal(signal, () => handle.result()).catch(() => undefined), aborted(signal)]),
      );
      if (signal.aborted) {
        console.error(
          `asof: no longer waiting; the run ends when its step has handed in: asof runs show ${identity.runId}`,
        );
        return exitCodes.interrupted;
      }
      const { status } = (await store.runs.find(identity.runId)) ?? {};
      const ended =
        status ??
        ((await temporalStatus(client, identity)) ?? 'cancelled').toLowerCase().replace('canceled', 'cancelled');
      const message =
        ended === 'cancelled' ? `Cancelled ${name}` : `${name} ended before it could be cancelled: ${ended}`;
      return tell({ ...asked, status: ended, message });
    }),
  );
}

type FoundRun = RunIdentity & { readonly record: RunRecord | undefined };

/** @returns `undefined` when a pipeline was named that has no run at work. */
async function findRun(store: FeatureStore, client: Client, target: string): Promise<FoundRun | undefined> {
  const pipeline = store.repo.pipelines.get(target);
  if (pipeline !== undefined) {
    const [run, ...more] = await runsAtWork(client, store.project, pipeline);
    if (run === undefined) return undefined;
    if (more.length === 0) return { ...run, record: await store.runs.find(run.runId) };
    const all = [run, ...more].map(({ runId, workflowId }) => `\n    ${runId}  ${workflowId}`).join('');
    throw new DefinitionError(`${more.length + 1} runs of pipeline "${target}" are at work`, {
      mend: `name one of them: asof cancel <run>${all}`,
    });
  }
  try {
    const record = await store.runs.show(target);
    return { runId: record.runId, workflowId: record.workflowId, record };
  } catch (error) {
    // One that has not been opened yet, because no worker is there, is known to the server alone.
    if (!(error instanceof DefinitionError) || !target.startsWith(`${store.project}/`)) throw error;
    const found = await client.workflow
      .getHandle(target)
      .describe()
      .catch(() => undefined);
    if (found === undefined) throw error;
    return { workflowId: target, runId: found.raw.workflowExecutionInfo?.firstRunId || found.runId, record: undefined };
  }
}

async function nothingAtWork(store: FeatureStore, pipeline: string): Promise<Outcome> {
  const [last] = await store.runs.list({ pipeline, limit: 1 });
  const before = last === undefined ? 'it never ran' : `the last one, ${last.runId.slice(0, 13)}: ${last.status}`;
  return {
    pipeline,
    cancelled: false,
    status: last?.status ?? 'none',
    message: `No run of ${pipeline} is at work; ${before}`,
  };
}

/**
 * A run that was ended from outside could not write how: its record is closed here, which gives its interval free. Its end is told by a
 * worker, as upkeep would have it told.
 */
async function closeLost(
  { store, client }: { readonly store: FeatureStore; readonly client: Client },
  record: RunRecord | undefined,
  name: string,
  now: string | undefined,
): Promise<Pick<Outcome, 'status' | 'message'>> {
  if (now === undefined) {
    throw new DefinitionError(`${name} is unknown to this Temporal server`, {
      mend: 'its history may have expired, or TEMPORAL_ADDRESS or the namespace is another one than when it was started',
    });
  }
  const closed = record && (await store.runs.closeLost(record, now));
  if (closed?.lost === true && closed.sendsLineage === true) await tellEnd(client, store.project, closed);
  return { status: closed?.status ?? now.toLowerCase(), message: `${name} is over: Temporal says ${now}` };
}

async function tellEnd(
  client: Client,
  project: string,
  { pipeline, runId, workflowId, status }: RunRecord,
): Promise<void> {
  const type = endEvent(status);
  try {
    await client.workflow.start<typeof reportLineage>('reportLineage', {
      taskQueue: taskQueue(project),
      workflowId: lineageReporterId(workflowId, type, runId),
      workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
      args: [{ pipeline, runId, type }],
      staticSummary: `${pipeline}: lineage, ${type}`,
    });
  } catch (error) {
    // Upkeep was faster.
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
