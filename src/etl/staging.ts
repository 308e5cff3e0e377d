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
import path from 'node:path';
import { DataError, StoreUnavailableError } from '../errors.js';
import { firstLine } from '../lake/index.js';
import { syncPath } from '../lake/parquet-file.js';

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

  /** What the step returned the first time it was finished. */
  async once<T>(step: string, work: () => Promise<T>): Promise<T> {
    const file = this.file(`${step}.json`);
    if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as T;
    this.#create();
    const result = await work();
    writeFileSync(`${file}.tmp`, JSON.stringify(result));
    syncPath(`${file}.tmp`);
    renameSync(`${file}.tmp`, file);
    return result;
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
  result<T>(step: string): T {
    const file = this.file(`${step}.json`);
    if (!existsSync(file)) {
      throw new DataError(`step "${step}" left no result`, {
        where: this.#directory,
        mend: 'start the pipeline again; staging files of a run must not be removed while it runs',
      });
    }
    return JSON.parse(readFileSync(file, 'utf8')) as T;
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
