import os from 'node:os';
import { StoreUnavailableError } from '../errors.js';
import { loadFeatureRepo, resolveProject } from '../feature-repo/index.js';
import { workersOf } from '../temporal/index.js';
import type { GlobalOptions } from './command.js';
import { exitCodes } from './exit-code.js';
import { printJson } from './output.js';
import { withTemporal } from './temporal-location.js';

/**
 * The healthcheck of a worker's container: asks Temporal whether a worker of this machine lately asked it for steps and workflows
 * of the project. Opens neither lake nor stores.
 * @throws StoreUnavailableError when none did.
 */
export async function checkWorker(options: GlobalOptions): Promise<number> {
  const { stateDir } = resolveProject(options.repo);
  const { config } = await loadFeatureRepo(options.repo, { asof: await import('../index.js') });
  const { project } = config;
  return withTemporal(stateDir, async (client) => {
    const host = os.hostname();
    const here = (identities: readonly string[]) => identities.filter((identity) => identity.endsWith(`@${host}`));
    const workflows = new Set(here(await workersOf(client, project, 'workflows')));
    const workers = here(await workersOf(client, project, 'activities')).filter((identity) => workflows.has(identity));
    if (workers.length === 0) {
      throw new StoreUnavailableError(`no worker of ${host} serves project "${project}"`, {
        mend: 'start one with `asof worker`; one that has just started is seen after a moment',
      });
    }
    if (options.json) printJson({ project, workers });
    else console.log(`${workers.join(', ')} serves project "${project}".`);
    return exitCodes.ok;
  });
}
