import { type ClientConnectConfig, loadClientConnectConfig } from '@temporalio/envconfig';
import { DefinitionError } from '../index.js';

/** A Temporal service and how to reach it. */
export interface TemporalService {
  readonly address: string;
  readonly namespace: string;
  /** Where its Web UI answers, if that is known. */
  readonly uiUrl: string | undefined;
  /** TLS, API key and metadata, as both kinds of connections take them. */
  readonly connection: ClientConnectConfig['connectionOptions'];
}

/**
 * The service named by TEMPORAL_ADDRESS or a Temporal profile (the standard variables and file of all Temporal tools); its Web UI
 * by ASOF_TEMPORAL_UI. `undefined` when none is named.
 * @throws DefinitionError when the profile can't be read.
 */
export function configuredTemporal(env: NodeJS.ProcessEnv = process.env): TemporalService | undefined {
  try {
    const { connectionOptions, namespace = 'default' } = loadClientConnectConfig({
      overrideEnvVars: Object.fromEntries(
        Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
      ),
    });
    const { address } = connectionOptions;
    if (address === undefined) return undefined;
    return { address, namespace, uiUrl: env['ASOF_TEMPORAL_UI'], connection: connectionOptions };
  } catch (error) {
    throw new DefinitionError(`the Temporal configuration can't be read: ${(error as Error).message}`, {
      mend: 'check TEMPORAL_PROFILE and TEMPORAL_CONFIG_FILE, or set TEMPORAL_ADDRESS',
    });
  }
}

/** The page of a run in the Web UI. */
export function runUrl(service: TemporalService, workflowId: string, runId: string): string | undefined {
  if (service.uiUrl === undefined) return undefined;
  const path = ['namespaces', service.namespace, 'workflows', workflowId, runId, 'history'].map(encodeURIComponent);
  return `${service.uiUrl.replace(/\/$/, '')}/${path.join('/')}`;
}
