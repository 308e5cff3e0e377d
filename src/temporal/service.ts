import {
  type ClientConfigProfile,
  type ClientConnectConfig,
  loadClientConfigProfile,
  toClientOptions,
} from '@temporalio/envconfig';
import { AsofError, DefinitionError } from '../index.js';

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
 * @throws DefinitionError when the profile or a certificate can't be read, or a part of the settings is missing.
 */
export function configuredTemporal(env: NodeJS.ProcessEnv = process.env): TemporalService | undefined {
  // Compose files pass what is not set as an empty text.
  const set = Object.entries(env).filter((entry): entry is [string, string] => Boolean(entry[1]));
  try {
    const profile = loadClientConfigProfile({ overrideEnvVars: Object.fromEntries(set) });
    if (profile.address === undefined) return withoutAddress(set.map(([name]) => name));
    checkClientCertificate(profile);
    const { connectionOptions, namespace = 'default' } = toClientOptions(profile);
    return {
      address: profile.address,
      namespace,
      uiUrl: env['ASOF_TEMPORAL_UI'] || undefined,
      connection: connectionOptions,
    };
  } catch (error) {
    if (error instanceof AsofError) throw error;
    throw new DefinitionError(`the Temporal configuration can't be read: ${(error as Error).message}`, {
      mend: 'check the paths in TEMPORAL_TLS_*, TEMPORAL_PROFILE and TEMPORAL_CONFIG_FILE, or set TEMPORAL_ADDRESS alone',
    });
  }
}

/** Who gives a profile, a key or certificates means a service; starting an embedded one instead would be a surprise. */
function withoutAddress(variables: readonly string[]): undefined {
  const given = variables.find((name) => /^TEMPORAL_(PROFILE|API_KEY|TLS_.+)$/.test(name));
  if (given === undefined) return undefined;
  throw new DefinitionError(`${given} is set, but no address of a Temporal service`, {
    mend: `set TEMPORAL_ADDRESS, e.g. to temporal.example.com:7233, or leave ${given} out`,
  });
}

/** One without the other is silently left out by the SDK, and the server then refuses without a word. */
function checkClientCertificate({ tls }: ClientConfigProfile): void {
  if (tls === undefined || (tls.clientCert === undefined) === (tls.clientKey === undefined)) return;
  const [given, missing] = tls.clientCert === undefined ? ['key', 'CERT'] : ['certificate', 'KEY'];
  throw new DefinitionError(`a client ${given} for Temporal is given without its ${missing.toLowerCase()}`, {
    mend: `set TEMPORAL_TLS_CLIENT_${missing}_PATH too`,
  });
}

/** The page of a run in the Web UI. */
export function runUrl(service: TemporalService, workflowId: string, runId: string): string | undefined {
  if (service.uiUrl === undefined) return undefined;
  const path = ['namespaces', service.namespace, 'workflows', workflowId, runId, 'history'].map(encodeURIComponent);
  return `${service.uiUrl.replace(/\/$/, '')}/${path.join('/')}`;
}
