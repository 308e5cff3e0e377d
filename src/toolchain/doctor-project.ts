import { constants } from 'node:fs';
import { access, rm, stat, statfs, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Check } from './doctor-check.js';
import { readEmbeddedTemporal } from './embedded-temporal.js';
import { probeAddress } from './temporal-probe.js';
import { toolchain } from './toolchain-limits.js';

/** Linux's numbers of file systems that live on another machine, where the locks of SQLite and LMDB can't be trusted. */
const remoteFileSystems: Record<number, string> = {
  26985: 'NFS',
  20859: 'SMB',
  4283649346: 'CIFS',
  4266872130: 'SMB',
  16914839: '9P',
  1397113167: 'AFS',
  12805120: 'Ceph',
};

export async function repositoryCheck(repoDir: string): Promise<Check> {
  const where = path.resolve(repoDir);
  const base = { name: 'feature repository', required: true, where };
  const isFolder = await stat(where).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isFolder) return { ...base, ok: true, found: 'found' };
  return { ...base, ok: false, found: 'no such folder', mend: 'name the folder of your definitions: --repo <dir>' };
}

/** Tries what the engines do: writing a file. Where the folder is still to be made, its nearest parent must allow that. */
export async function stateFolderCheck(stateDir: string): Promise<Check> {
  const base = { name: 'state folder', required: true, where: stateDir };
  const folder = await nearestFolder(stateDir);
  try {
    if (folder !== stateDir) {
      await access(folder, constants.W_OK | constants.X_OK);
      return { ...base, ok: true, found: 'will be made at the first start' };
    }
    const file = path.join(stateDir, `.doctor-${process.pid}`);
    try {
      await writeFile(file, 'asof');
    } finally {
      await rm(file, { force: true });
    }
    return { ...base, ok: true, found: 'writable' };
  } catch (error) {
    const mend = 'make it writable for this user, or free space on its disk';
    return { ...base, ok: false, found: `not writable: ${(error as Error).message}`, mend };
  }
}

export async function stateDiskCheck(stateDir: string): Promise<Check> {
  const base = { name: "state folder's disk", required: false, where: stateDir };
  const disk = await statfs(await nearestFolder(stateDir));
  const free = disk.bavail * disk.bsize;
  const gigabytes = `${(free / 1e9).toFixed(1)} GB free`;
  const remote = process.platform === 'linux' ? remoteFileSystems[disk.type] : undefined;
  if (remote !== undefined) {
    const mend = 'put the project on a disk of this machine: file locks over a network lose data';
    return { ...base, ok: false, found: `${remote}, ${gigabytes}`, mend };
  }
  const ok = free >= toolchain.freeBytesWanted;
  return { ...base, ok, found: gigabytes, mend: ok ? undefined : 'free some space' };
}

export async function embeddedServerCheck(stateDir: string): Promise<Check> {
  const base = { name: 'embedded Temporal server', required: false };
  const server = await readEmbeddedTemporal(stateDir);
  if (server === undefined) return { ...base, ok: true, found: 'not running; `asof up` and `asof demo` start it' };
  const { problem, version } = await probeAddress(server.address);
  const where = `${server.address}, Web UI ${server.uiUrl}`;
  if (problem === undefined) return { ...base, ok: true, found: `runs as process ${server.pid}`, version, where };
  const mend = `end process ${server.pid}; running workflows go on with the next start`;
  return { ...base, ok: false, found: `process ${server.pid} ${problem}`, where, mend };
}

async function nearestFolder(folder: string): Promise<string> {
  const exists = await access(folder).then(
    () => true,
    () => false,
  );
  const parent = path.dirname(folder);
  return exists || parent === folder ? folder : nearestFolder(parent);
}
