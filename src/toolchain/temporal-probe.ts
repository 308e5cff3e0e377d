/** What a server said; `problem` when it did not answer. */
export interface ServerProbe {
  readonly address: string;
  readonly version?: string | undefined;
  readonly problem?: string | undefined;
}

/** Asks the server that TEMPORAL_ADDRESS or a Temporal profile names, with its credentials, which are never part of the answer. */
export async function probeServer(env: NodeJS.ProcessEnv): Promise<ServerProbe> {
  const { loadClientConnectConfig } = await import('@temporalio/envconfig');
  const set = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  try {
    const { connectionOptions } = loadClientConnectConfig({ overrideEnvVars: Object.fromEntries(set) });
    return await ask(connectionOptions.address ?? 'localhost:7233', connectionOptions);
  } catch (error) {
    return {
      address: env['TEMPORAL_ADDRESS'] ?? '',
      problem: `the settings can't be read: ${(error as Error).message}`,
    };
  }
}

/** Asks an embedded server. */
export async function probeAddress(address: string): Promise<ServerProbe> {
  return ask(address, {});
}

async function ask(address: string, options: object): Promise<ServerProbe> {
  const { Connection } = await import('@temporalio/client');
  try {
    const connection = await Connection.connect({ ...options, address, connectTimeout: '3s' });
    try {
      const { serverVersion } = await connection.workflowService.getSystemInfo({});
      return { address, version: serverVersion };
    } finally {
      await connection.close();
    }
  } catch (error) {
    return { address, problem: `does not answer: ${(error as Error).message}` };
  }
}
