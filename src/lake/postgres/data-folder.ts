import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DefinitionError, StoreUnavailableError } from '../../errors.js';
import { firstLine } from '../first-line.js';
import type { ExistingLake } from './preflight.js';

/** The folder of the lake's files, which a catalog elsewhere can't vouch for. */
export interface DataFolder {
  /** Where the files go. */
  readonly directory: string;
  /** The folder all hosts share, where one was given: it is not made here, a mount that is missing would go unnoticed. */
  readonly sharedPath: string | undefined;
}

/** Beside the files: which lake they belong to. */
const markFile = (folder: DataFolder): string => path.join(path.dirname(folder.directory), 'lake.json');

/**
 * Makes sure that the folder is there, can be written, and is the one this lake has: another host may have another disk at the
 * same path.
 * @throws DefinitionError or StoreUnavailableError with the mend.
 */
export function checkDataFolder(folder: DataFolder, lake: ExistingLake | undefined, where: string): void {
  const { directory, sharedPath } = folder;
  const fix = (what: string, mend: string): DefinitionError => new DefinitionError(what, { where, mend });
  if (lake !== undefined && path.resolve(lake.dataPath) !== path.resolve(directory)) {
    const told = path.resolve(lake.dataPath);
    throw fix(
      `the lake's files are in ${told}, this process looks for them in ${directory}`,
      path.basename(told) === 'lake'
        ? `set catalog.sharedPath to ${path.dirname(told)}, and mount the shared folder there on every host`
        : `the lake was made without catalog.sharedPath, for one host: work there, or give several hosts a new lake with one`,
    );
  }
  if (sharedPath !== undefined && !isFolder(sharedPath)) {
    throw fix(
      `catalog.sharedPath ${sharedPath} is no folder on this host`,
      `mount it, or, for the first host of all: mkdir -p ${sharedPath}`,
    );
  }
  const mark = readMark(folder);
  if (mark !== undefined && mark !== lake?.identity) {
    throw fix(
      `${path.dirname(directory)} holds the files of another lake`,
      `give each catalog a sharedPath of its own; if that lake is gone for good: rm -r ${directory} ${markFile(folder)}`,
    );
  }
  if (mark === undefined && lake?.isUsed === true) {
    throw fix(
      `${path.dirname(directory)} of this host is not the folder of this lake: its mark (${path.basename(markFile(folder))}) is not there`,
      'mount the folder that the other hosts use, or restore the files from the backup of the catalog',
    );
  }
  tryWriting(directory, where);
}

/** Notes which lake the folder belongs to. @throws StoreUnavailableError when it can't be written. */
export function markDataFolder(folder: DataFolder, identity: string, where: string): void {
  if (readMark(folder) === identity) return;
  try {
    writeFileSync(markFile(folder), `${JSON.stringify({ lake: identity })}\n`);
  } catch (error) {
    throw notWritable(error, where);
  }
}

function readMark(folder: DataFolder): string | undefined {
  const file = markFile(folder);
  if (!existsSync(file)) return undefined;
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as { lake?: string }).lake;
  } catch {
    return undefined;
  }
}

const isFolder = (name: string): boolean => statSync(name, { throwIfNoEntry: false })?.isDirectory() === true;

function tryWriting(directory: string, where: string): void {
  const probe = path.join(directory, `.probe-${randomUUID()}`);
  try {
    mkdirSync(directory, { recursive: true });
    writeFileSync(probe, '');
  } catch (error) {
    throw notWritable(error, where);
  } finally {
    rmSync(probe, { force: true });
  }
}

const notWritable = (error: unknown, where: string): StoreUnavailableError =>
  new StoreUnavailableError(`the folder of the lake's files can't be written: ${firstLine(error)}`, {
    where,
    mend: 'give this user the permission, or check the mount and the space of its disk',
    cause: error,
  });
