import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** What the fake programs themselves call. */
const borrowed = ['cat', 'cp', 'mkdir', 'sleep', 'tar', 'gzip'];

/** A machine of its own for one test: a temp folder with home, cache and a PATH on which only what the test puts there is. */
export class FakeMachine {
  readonly root = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'asof-toolchain-')));
  readonly bin = this.folder('bin');
  readonly cache = path.join(this.root, 'cache');
  readonly env: NodeJS.ProcessEnv = {
    PATH: this.bin,
    HOME: this.folder('home'),
    ASOF_CACHE_DIR: this.cache,
    // Port 9 of this machine: nobody answers, so no test depends on the network.
    ASOF_TEMPORAL_DOWNLOAD_URL: 'http://127.0.0.1:9',
    ASOF_DUCKDB_EXTENSION_REPOSITORY: this.folder('empty-repository'),
  };

  constructor() {
    for (const name of borrowed) {
      const folder = (process.env['PATH'] ?? '')
        .split(path.delimiter)
        .find((each) => existsSync(path.join(each, name)));
      if (folder !== undefined) symlinkSync(path.join(folder, name), path.join(this.bin, name));
    }
  }

  folder(name: string): string {
    const folder = path.join(this.root, name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  /** An executable shell script. @returns its path. */
  program(file: string, script: string): string {
    const full = path.resolve(this.bin, file);
    mkdirSync(path.dirname(full), { recursive: true });
    writeFileSync(full, `#!/bin/sh\n${script}\n`);
    chmodSync(full, 0o755);
    return full;
  }

  /** A Temporal CLI that knows its version, and tells a file each time it is asked. */
  temporal(file: string, version: string): string {
    return this.program(file, `echo asked >> ${this.root}/asked\necho "temporal version ${version}"`);
  }

  /** Go that builds such a CLI; `wait` is what it does meanwhile. @returns its path. */
  go(file = 'go', wait = ''): string {
    const built = this.temporal('../built/temporal', '1.5.1 (built)');
    return this.program(
      file,
      [
        `echo "$@" >> ${this.root}/go-calls`,
        'echo "go: downloading example.com/module v1.0.0" >&2',
        'echo "example.com/package" >&2',
        wait,
        'mkdir -p "$GOBIN"',
        `cp ${built} "$GOBIN/temporal"`,
      ].join('\n'),
    );
  }

  /** Lines of a file the fake programs wrote. */
  lines(name: string): string[] {
    const file = path.join(this.root, name);
    return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
