import { DefinitionError } from '../errors.js';
import type { WorkerSettings, WorkerVersion } from '../temporal/index.js';
import { countOption } from './option-values.js';

/** What `asof worker` takes; each has a variable, which containers set more easily. */
export interface WorkerOptions {
  readonly activities?: string;
  readonly workflows?: string;
  readonly metricsAddress?: string;
  readonly deploymentName?: string;
  readonly buildId?: string;
}

/** Options of the command line, else variables of the environment. @throws DefinitionError when one can't be used. */
export function workerSettings(options: WorkerOptions, env: NodeJS.ProcessEnv = process.env): WorkerSettings {
  const given = (option: keyof WorkerOptions, variable: string): string | undefined =>
    options[option] ?? (env[variable] || undefined);
  return {
    activitiesAtOnce: atLeast(1, '--activities', given('activities', 'ASOF_WORKER_ACTIVITIES')),
    // One slot each for new work and for runs this worker holds in memory.
    workflowTasksAtOnce: atLeast(2, '--workflows', given('workflows', 'ASOF_WORKER_WORKFLOWS')),
    metricsAddress: addressOption('--metrics-address', given('metricsAddress', 'ASOF_METRICS_ADDRESS')),
    version: versionOf(given('deploymentName', 'ASOF_DEPLOYMENT'), given('buildId', 'ASOF_BUILD_ID')),
  };
}

function atLeast(least: number, option: string, text: string | undefined): number | undefined {
  const count = countOption(option, text);
  if (count === undefined || count >= least) return count;
  throw new DefinitionError(`${option} ${count} is too few`, { mend: `write ${option} ${least} or more` });
}

/** `host:port`, the host an address of this machine. */
function addressOption(option: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const port = Number(/^(?:[\d.]+|\[[\da-f:.]+\]|localhost):(\d{1,5})$/i.exec(text)?.[1]);
  if (port > 0 && port < 65_536) return text.replace(/^localhost:/i, '127.0.0.1:');
  throw new DefinitionError(`${option} ${JSON.stringify(text)} is no address and port`, {
    mend: `write e.g. ${option} 127.0.0.1:9464, or 0.0.0.0:9464 for all interfaces`,
  });
}

function versionOf(deploymentName: string | undefined, buildId: string | undefined): WorkerVersion | undefined {
  if (deploymentName === undefined && buildId === undefined) return undefined;
  if (deploymentName === undefined || buildId === undefined) {
    throw new DefinitionError('worker versioning needs both a deployment name and a build id', {
      mend: 'give --deployment-name and --build-id (ASOF_DEPLOYMENT and ASOF_BUILD_ID), or neither',
    });
  }
  // Temporal joins the two by these signs.
  const bad =
    [deploymentName, buildId].find((name) => /[\s:]/.test(name)) ?? (/\./.test(deploymentName) && deploymentName);
  if (bad) {
    throw new DefinitionError(`${JSON.stringify(bad)} can't be used for worker versioning`, {
      mend: 'leave out blanks and ":", in the deployment name also "."',
    });
  }
  return { deploymentName, buildId };
}
