import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Client, Connection, isGrpcServiceError, type WorkflowHandle } from '@temporalio/client';
import { installRuntime } from '../../src/temporal/index.js';
import { freePort, loopback } from '../../src/toolchain/free-port.js';
import { findTemporalCli, searchAttributeTypes } from '../../src/toolchain/index.js';
import { LocalServer } from '../../src/toolchain/services/local-server.js';

/** A Temporal server with its state in a file, so that it can be killed and started again in the middle of everything. */
export interface TemporalServer {
  readonly server: LocalServer;
  readonly address: string;
  readonly client: Client;
  /** The result of a run, however often the server is gone meanwhile. */
  result(handle: WorkflowHandle): Promise<unknown>;
  close(): Promise<void>;
}

export async function startTemporalServer(): Promise<TemporalServer> {
  const cli = await findTemporalCli();
  if (cli === undefined) throw new Error('the Temporal CLI is missing; the global set-up of the tests fetches it');
  installRuntime();
  const directory = mkdtempSync(path.join(os.tmpdir(), 'asof-temporal-'));
  const port = await freePort(0);
  const address = `${loopback}:${port}`;
  const attributes = Object.entries(searchAttributeTypes).flatMap(([name, type]) => [
    '--search-attribute',
    `${name}=${type === 'KEYWORD' ? 'Keyword' : 'KeywordList'}`,
  ]);
  const probe = async (): Promise<void> => {
    const connection = await Connection.connect({ address, connectTimeout: '2s' });
    await connection.workflowService.describeNamespace({ namespace: 'default' }).finally(() => connection.close());
  };
  const server = new LocalServer({
    name: 'Temporal',
    file: cli.path,
    args: [
      ...['server', 'start-dev', '--headless', '--ip', loopback, '--port', String(port), '--log-level', 'error'],
      ...['--db-filename', path.join(directory, 'temporal.sqlite'), ...attributes],
    ],
    log: path.join(directory, 'temporal.log'),
    port,
    probe,
  });
  await server.start();
  const connection = await Connection.connect({ address });
  return {
    server,
    address,
    client: new Client({ connection }),
    result: async (handle) => {
      for (;;) {
        try {
          return await handle.result();
        } catch (error) {
          // Not the run failed: the server can't be asked just now.
          if (!isGrpcServiceError(error)) throw error;
          await new Promise((resolve) => setTimeout(resolve, 200));
        }
      }
    },
    close: async () => {
      await connection.close();
      await server.kill();
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
