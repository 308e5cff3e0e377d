import { AsofError, DefinitionError, StoreUnavailableError } from '../index.js';
import { findObstacle, type Obstacle } from './reachability.js';
import type { TemporalService } from './service.js';

/** Numbers of gRPC statuses. */
const status = {
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  unimplemented: 12,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/**
 * Why a service can't be used, with the mend. What the server said is passed on without the API key, whatever it quotes.
 * @param error what the SDK failed with while it connected or asked for the namespace.
 */
export async function connectionError(error: unknown, service: TemporalService): Promise<AsofError> {
  if (error instanceof AsofError) return error;
  const { address, namespace } = service;
  const { code, details = '' } = grpcStatus(error);
  const said = hideSecrets(details, service);
  const where = `Temporal at ${address}`;
  if (code === status.unauthenticated || code === status.permissionDenied) {
    const key = service.connection.apiKey === undefined ? 'no API key was given' : 'the API key is wrong, expired';
    return new DefinitionError(`access was denied${said === '' ? '' : ` (${said})`}`, {
      where,
      mend: `${key}, or may not use the namespace "${namespace}": check TEMPORAL_API_KEY, TEMPORAL_NAMESPACE and the client certificate`,
    });
  }
  if (code === status.notFound) {
    return new DefinitionError(`there is no namespace "${namespace}"`, {
      where,
      mend: `set TEMPORAL_NAMESPACE, or create it: temporal operator namespace create --namespace ${namespace} --retention 720h`,
    });
  }
  const obstacle = await findObstacle(service);
  if (obstacle !== undefined) return obstacleError(obstacle, service);
  return new StoreUnavailableError(`Temporal does not answer at ${address}${said === '' ? '' : ` (${said})`}`, {
    mend: 'start it with `asof up`, or set TEMPORAL_ADDRESS to a service that runs',
  });
}

function obstacleError(obstacle: Obstacle, { address, connection }: TemporalService): AsofError {
  const noAnswer = `Temporal does not answer at ${address}`;
  const where = `Temporal at ${address}`;
  switch (obstacle.kind) {
    case 'address':
      return new DefinitionError(`TEMPORAL_ADDRESS "${address}" can't be used: ${obstacle.detail}`, {
        mend: 'write e.g. TEMPORAL_ADDRESS=temporal.example.com:7233, without http://',
      });
    case 'unknown host':
      return new StoreUnavailableError(`${noAnswer}: the host is unknown`, {
        mend: 'check the name in TEMPORAL_ADDRESS, and that this machine can resolve it',
      });
    case 'refused':
      return new StoreUnavailableError(`${noAnswer}: the connection was refused`, {
        mend: 'start it with `asof up`, or set TEMPORAL_ADDRESS to a service that runs',
      });
    case 'no answer':
      return new StoreUnavailableError(`${noAnswer}: the port can't be reached`, {
        mend: 'check TEMPORAL_ADDRESS, the network and the firewall between',
      });
    case 'speaks TLS':
      return new DefinitionError('the service speaks TLS, and TLS is off', {
        where,
        mend: 'set TEMPORAL_TLS=true, and TEMPORAL_TLS_SERVER_CA_CERT_PATH where its certificate is of an authority of your own',
      });
    case 'speaks no TLS':
      return new DefinitionError('TLS is on, and the service does not speak it', {
        where,
        mend: `set TEMPORAL_TLS=false${connection.apiKey === undefined ? '' : ' and leave TEMPORAL_API_KEY out'}, or take the port that speaks TLS`,
      });
    case 'certificate':
      return new DefinitionError(`the certificate of the service is not trusted (${obstacle.detail})`, {
        where,
        mend: 'set TEMPORAL_TLS_SERVER_CA_CERT_PATH to the certificate of the authority that signed it',
      });
    case 'wrong name':
      return new DefinitionError(`the certificate of the service has another name (${obstacle.detail})`, {
        where,
        mend: 'use the name of the certificate in TEMPORAL_ADDRESS, or set TEMPORAL_TLS_SERVER_NAME to it',
      });
    case 'client certificate':
      return new DefinitionError(`the service does not accept the client's certificate (${obstacle.detail})`, {
        where,
        mend: 'set TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH to a pair it knows the authority of',
      });
  }
}

/** Of an error or of its causes: the SDK wraps what gRPC said. */
function grpcStatus(error: unknown): { code?: number; details?: string } {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code, details, message } = at as Error & { code?: unknown; details?: unknown };
    if (typeof code === 'number') {
      return { code, details: typeof details === 'string' && details !== '' ? details : message };
    }
    const native = nativeStatus(message);
    if (native !== undefined) return native;
  }
  return { details: error instanceof Error ? error.message : String(error) };
}

/** While it connects, a worker's connection tells the status in words: `code: '…', message: "…"`. */
const nativeWords: readonly [words: string, code: number][] = [
  ['does not have valid authentication credentials', status.unauthenticated],
  ['does not have permission to execute', status.permissionDenied],
  ['requested entity was not found', status.notFound],
];

function nativeStatus(message: string): { code: number; details: string } | undefined {
  const [, words = '', details = ''] = /code: '([^']*)', message: "((?:[^"\\]|\\.)*)"/.exec(message) ?? [];
  const code = nativeWords.find(([known]) => words.includes(known))?.[1];
  return code === undefined ? undefined : { code, details };
}

/** What is shorter hides nothing, and may be part of any word. */
const shortestSecret = 6;

/** Servers and proxies quote what they were sent. */
function hideSecrets(text: string, { connection }: TemporalService): string {
  const line = text.split('\n')[0] ?? '';
  const secrets = [connection.apiKey, ...Object.values(connection.metadata ?? {})].filter(
    (secret): secret is string => typeof secret === 'string' && secret.length >= shortestSecret,
  );
  return secrets.reduce((shown, secret) => shown.replaceAll(secret, '***'), line);
}

/** The number of the gRPC status in an error of the SDK. */
export const grpcCode = (error: unknown): number | undefined => grpcStatus(error).code;

/** Whether the service can't be reached for the moment, as opposed to having answered. */
export const isUnavailable = (error: unknown): boolean => oneOf(error, status.unavailable, status.deadlineExceeded);

/** Whether the service answered that this caller may not, or that nobody can, use this part of it. */
export const isRefused = (error: unknown): boolean =>
  oneOf(error, status.permissionDenied, status.unauthenticated, status.unimplemented);

const oneOf = (error: unknown, ...codes: readonly number[]): boolean => codes.includes(grpcCode(error) ?? -1);
