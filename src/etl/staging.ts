import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { copyFile, link } from 'node:fs/promises';
import path from 'node:path';
import { DataError, StoreUnavailableError } from '../errors.js';
import { firstLine } from '../lake/index.js';
import { syncPath } from '../lake/parquet-file.js';

/** On results that an earlier run made: the run that did. */
export interface Reused {
  readonly reusedFrom?: string | undefined;
}

/**
 * The folder in which the steps of one run hand each other their files, for one view. A step's result is written beside its file
 * once that is complete, so a step that is called again after a crash finds what it did.
 */
export class Staging {
  readonly #directory: string;

  /** @param sharedDirectory which every host of the steps sees. */
  constructor(sharedDirectory: string, runId: string, view: string) {
    if (!/^[A-Za-z0-9._-]+$/.test(runId)) throw new DataError(`"${runId}" is no run id`);
    this.#directory = path.join(sharedDirectory, 'staging', runId, view);
  }

  file(name: string): string {
    return path.join(this.#directory, name);
  }

  /**
   * What the step returned the first time it was finished.
   * @param madeUnder the definitions it depends on, for runs that would take its result over.
   */
  async once<T extends object>(step: string, madeUnder: string, work: () => Promise<T>): Promise<T & Reused> {
    if (this.has(`${step}.json`)) return this.result(step);
    this.#create();
    const result = await work();
    this.#keep(step, { ...result, madeUnder });
    return result;
  }

  /** Whether there is a file of a name. */
  has(name: string): boolean {
    return existsSync(this.file(name));
  }

  /** The definitions a finished step depended on; `undefined` when it is not finished, or nobody noted them. */
  madeUnder(step: string): string | undefined {
    return this.has(`${step}.json`) ? this.#kept(step).madeUnder : undefined;
  }

  /**
   * Takes over what a step of another run did: its files, as links where the disk can, and then its result, which says so.
   * @param files those of them that are there.
   */
  async takeOver(from: Staging, runId: string, step: string, files: readonly string[]): Promise<void> {
    if (this.has(`${step}.json`)) return;
    this.#create();
    for (const name of files.filter((file) => from.has(file))) {
      const temporary = `${this.file(name)}.tmp`;
      rmSync(temporary, { force: true });
      // Not all disks have links; a copy that is cut short is never renamed.
      await link(from.file(name), temporary).catch(() => copyFile(from.file(name), temporary));
      syncPath(temporary);
      renameSync(temporary, this.file(name));
    }
    const kept = from.#kept(step);
    this.#keep(step, { ...kept, reusedFrom: kept.reusedFrom ?? runId });
  }

  #kept(step: string): { readonly madeUnder?: string; readonly reusedFrom?: string } {
    return JSON.parse(readFileSync(this.file(`${step}.json`), 'utf8')) as { madeUnder?: string; reusedFrom?: string };
  }

  #keep(step: string, kept: object): void {
    const file = this.file(`${step}.json`);
    writeFileSync(`${file}.tmp`, JSON.stringify(kept));
    syncPath(`${file}.tmp`);
    renameSync(`${file}.tmp`, file);
  }

  #create(): void {
    try {
      mkdirSync(this.#directory, { recursive: true });
    } catch (error) {
      throw new StoreUnavailableError(`the run's staging folder can't be made: ${firstLine(error)}`, {
        mend: 'check the permissions and the free space of the state folder, or of catalog.sharedPath',
        cause: error,
      });
    }
  }

  /** The result of a step that has to be finished by now. */
  result<T extends object>(step: string): T & Reused {
    if (!this.has(`${step}.json`)) {
      throw new DataError(`step "${step}" left no result`, {
        where: this.#directory,
        mend: 'start the pipeline again; staging files of a run must not be removed while it runs',
      });
    }
    const { madeUnder: _, ...result } = this.#kept(step);
    return result as T & Reused;
  }

  /** Removes the files that steps hand each other, which are as large as the source. */
  removeData(): void {
    for (const name of readdirSync(this.#directory)) {
      if (name.endsWith('.parquet')) rmSync(this.file(name), { force: true });
    }
  }

  /** Removes the view's files, and the run's folder with the last of its views. */
  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
    try {
      rmdirSync(path.dirname(this.#directory));
    } catch {
      // Another view of the run still has files there.
    }
  }
}
