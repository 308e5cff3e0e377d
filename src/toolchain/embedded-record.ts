import { mkdir, open, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { StoreUnavailableError } from '../errors.js';
import { loopback } from './free-port.js';
import { optionOf, processWith } from './process-table.js';

/** An embedded Temporal server that runs. */
export interface EmbeddedTemporal {
  readonly pid: number;
  /** `host:port` of its gRPC service. */
  readonly address: string;
  readonly uiUrl: string;
  readonly namespace: string;
  /** ISO 8601. */
  readonly startedAt: string;
}

/** What the embedded server keeps under the state folder. */
export interface EmbeddedFiles {
  /** Workflow histories; at most one server may have it open. */
  readonly database: string;
  readonly log: string;
  /** The running server, as JSON. */
  readonly record: string;
  readonly lock: string;
}

export const embeddedNamespace = 'default';

/** The same paths whatever name leads to the folder: they identify the server among all processes. */
export async function embeddedFiles(stateDir: string): Promise<EmbeddedFiles> {
  const root = await realpath(stateDir).catch(() => path.resolve(stateDir));
  return {
    database: path.join(root, 'temporal', 'temporal.sqlite'),
    log: path.join(root, 'temporal', 'server.log'),
    record: path.join(root, 'temporal.json'),
    lock: path.join(root, 'temporal.lock'),
  };
}

/** Creates the server's folder. @throws StoreUnavailableError when the state folder is not writable. */
export async function createEmbeddedFolder(stateDir: string): Promise<void> {
  try {
    await mkdir(path.join(stateDir, 'temporal'), { recursive: true });
  } catch (error) {
    throw new StoreUnavailableError(`the state folder can't be used: ${(error as Error).message}`, {
      where: stateDir,
      mend: 'make it writable for this user, or choose another',
      cause: error,
    });
  }
}

/**
 * The server that runs on these files, whether or not a record tells of it: a starter may have been killed before it wrote one.
 */
export async function runningServer(files: EmbeddedFiles): Promise<EmbeddedTemporal | undefined> {
  const record = await readRecord(files);
  if (record !== undefined && (await serverRuns(files, record.pid))) return record;

  const found = await processWith('--db-filename', files.database);
  const port = found === undefined ? undefined : optionOf(found, '--port');
  const uiPort = found === undefined ? undefined : optionOf(found, '--ui-port');
  if (found === undefined || port === undefined || uiPort === undefined) return undefined;
  return serverOn(found.pid, Number(port), Number(uiPort));
}

/** Whether this process is the server of these files. */
export async function serverRuns(files: EmbeddedFiles, pid: number): Promise<boolean> {
  return (await processWith('--db-filename', files.database, pid)) !== undefined;
}

export function serverOn(pid: number, port: number, uiPort: number): EmbeddedTemporal {
  return {
    pid,
    address: `${loopback}:${port}`,
    uiUrl: `http://${loopback}:${uiPort}`,
    namespace: embeddedNamespace,
    startedAt: new Date().toISOString(),
  };
}

export async function writeRecord(files: EmbeddedFiles, server: EmbeddedTemporal): Promise<void> {
  const draft = `${files.record}.${process.pid}.tmp`;
  await writeFile(draft, `${JSON.stringify(server, null, 2)}\n`);
  await rename(draft, files.record);
}

export async function removeRecord(files: EmbeddedFiles): Promise<void> {
  await rm(files.record, { force: true });
}

async function readRecord(files: EmbeddedFiles): Promise<EmbeddedTemporal | undefined> {
  try {
    const value = JSON.parse(await readFile(files.record, 'utf8')) as Partial<EmbeddedTemporal>;
    const complete = typeof value.address === 'string' && typeof value.uiUrl === 'string';
    return complete && Number.isInteger(value.pid) ? (value as EmbeddedTemporal) : undefined;
  } catch {
    // Missing or damaged: the process table knows what runs.
    return undefined;
  }
}

/** What the log says from a byte position on; at most its last 64 KB. */
export async function logSince(files: EmbeddedFiles, position: number): Promise<string> {
  const file = await open(files.log, 'r').catch(() => undefined);
  if (file === undefined) return '';
  try {
    const { size } = await file.stat();
    const from = Math.max(position, size - 65_536);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.max(0, size - from)), 0, null, from);
    return buffer.subarray(0, bytesRead).toString('utf8');
  } finally {
    await file.close();
  }
}
