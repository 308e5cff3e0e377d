import type { Command } from 'commander';
import type { WorkerSettings } from '../temporal/index.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { exitCodes } from './exit-code.js';
import { interruptSignal } from './interrupt.js';
import { printJson } from './output.js';
import { runTask } from './progress.js';
import { type WorkerOptions, workerSettings } from './worker-settings.js';

export function registerWorker(program: Command): void {
  describeCommand(
    program
      .command('worker')
      .description('serve the pipelines on a Temporal that runs already, until Ctrl-C; start as many as you like')
      .option('--activities <n>', 'steps at once (ASOF_WORKER_ACTIVITIES; default 8)')
      .option('--workflows <n>', 'workflow tasks at once (ASOF_WORKER_WORKFLOWS; default 40)')
      .option('--metrics-address <host:port>', 'serve metrics for Prometheus there (ASOF_METRICS_ADDRESS)')
      .option('--deployment-name <name>', 'worker versioning: the deployment (ASOF_DEPLOYMENT), with --build-id')
      .option('--build-id <id>', 'worker versioning: the version (ASOF_BUILD_ID), with --deployment-name')
      .option('--check', 'only tell whether a worker of this machine serves the project; exit code 4 if none does'),
    'asof worker --activities 2 --metrics-address 127.0.0.1:9464\nasof worker --check',
  ).action(action(worker));
}

async function worker(options: GlobalOptions, given: WorkerOptions & { readonly check?: boolean }): Promise<number> {
  if (given.check === true) return (await import('./worker-check.js')).checkWorker(options);
  const settings = workerSettings(given);
  const signal = interruptSignal();
  const [{ findTemporal, noTemporal }, { serveUntil, startProjectWorker }, { ensureExtensions }] = await Promise.all([
    import('./temporal-location.js'),
    import('./project-worker.js'),
    import('./tools.js'),
  ]);
  await ensureExtensions(options);
  return withStore(options, async (store) => {
    const service = await findTemporal(store.repo.stateDir);
    if (service === undefined) throw noTemporal();
    await store.requireApplied();
    const served = await runTask('Worker', options, () => startProjectWorker(store, service, settings));
    const { identity } = served.worker;
    if (options.json) {
      const { address, namespace } = service;
      printJson({ address, namespace, project: store.project, identity, pid: process.pid, ...describe(settings) });
    } else {
      console.log(`Worker ${identity} serves project "${store.project}" at ${service.address}; Ctrl-C stops.`);
      for (const line of linesOf(settings)) console.log(line);
    }
    await serveUntil(signal, served, (line) => {
      if (!options.json) console.log(line);
    });
    return exitCodes.ok;
  });
}

const describe = ({ metricsAddress, version }: WorkerSettings) => ({
  metrics: metricsAddress === undefined ? undefined : `http://${metricsAddress}/metrics`,
  version,
});

function linesOf(settings: WorkerSettings): string[] {
  const { metrics, version } = describe(settings);
  const lines = metrics === undefined ? [] : [`Metrics: ${metrics}`];
  if (version === undefined) return lines;
  const flags = `--deployment-name ${version.deploymentName} --build-id ${version.buildId}`;
  return [
    ...lines,
    `It takes work once its version is current: temporal worker deployment set-current-version ${flags}`,
  ];
}
