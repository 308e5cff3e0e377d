import { DefaultLogger, type LogEntry, Runtime } from '@temporalio/worker';
import { AsofError, DefinitionError } from '../index.js';

let installed: { readonly metricsAddress: string | undefined } | undefined;

/**
 * The runtime is one per process: warnings only, and signals are left to whoever runs the worker. With an address it serves
 * metrics for Prometheus under /metrics: those of the SDK (`temporal_…`) and those of asof's steps (`asof_…`).
 * @param metricsAddress `host:port`.
 * @throws DefinitionError when metrics can't be served there.
 */
export function installRuntime(metricsAddress?: string): void {
  if (installed !== undefined) {
    if (metricsAddress === undefined || metricsAddress === installed.metricsAddress) return;
    throw new DefinitionError(`metrics can't be served at ${metricsAddress}: the runtime of this process has started`, {
      mend: 'give the address to the first worker of a process',
    });
  }
  try {
    Runtime.install({
      logger: new DefaultLogger('WARN', writeLog),
      shutdownSignals: [],
      telemetryOptions: {
        // The native part would write its own lines, whole failures with their stacks.
        logging: { forward: {}, filter: { core: 'WARN', other: 'ERROR' } },
        ...(metricsAddress === undefined ? {} : { metrics: prometheus(metricsAddress) }),
      },
    });
  } catch (error) {
    if (metricsAddress === undefined) throw error;
    throw new DefinitionError(`metrics can't be served at ${metricsAddress}: ${(error as Error).message}`, {
      mend: 'give a free port of this machine as --metrics-address, e.g. 127.0.0.1:9464',
    });
  }
  installed = { metricsAddress };
}

/** Names and units as Prometheus recommends them: `…_total`, `…_seconds`. The prefix is only on what the SDK itself measures. */
const prometheus = (bindAddress: string) => ({
  prometheus: { bindAddress, countersTotalSuffix: true, unitSuffix: true, useSecondsForDurations: true },
});

/** One line an entry, on stderr: what happened, to what, and why. Histories and run records hold the rest. */
function writeLog({ level, message, meta = {} }: LogEntry): void {
  const { activityType, workflowType, attempt, error } = meta as Record<string, unknown>;
  const what = [activityType ?? workflowType, attempt === undefined ? undefined : `attempt ${String(attempt)}`];
  const mend = error instanceof AsofError && error.mend !== undefined ? ` → ${error.mend}` : '';
  const why = error instanceof Error ? `: ${error.message.split('\n')[0] ?? ''}${mend}` : '';
  const where = what.filter((part) => part !== undefined).join(', ');
  console.error(`[${level}] ${message}${where === '' ? '' : ` (${where})`}${why}`);
}
