import { createWriteStream } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { eitherSignal, firstAnswer } from './first-answer.js';
import { type EnsureOptions, type FetchOptions, reportRegularly } from './report.js';
import { runProgram } from './run-program.js';
import { toolchain } from './toolchain-limits.js';

/** The service from which Temporal's SDKs fetch the CLI; ASOF_TEMPORAL_DOWNLOAD_URL names a mirror of it. */
const service = 'https://temporal.download';
const platforms: Partial<Record<NodeJS.Platform, string>> = { linux: 'linux', darwin: 'darwin', win32: 'windows' };
const architectures: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };

interface Artifact {
  readonly archiveUrl: string;
  readonly fileToExtract: string;
}

/**
 * Downloads the release archive into `folder` and unpacks it. @returns the program's path.
 * @throws Error when the service does not answer at once, has nothing for this machine or breaks off.
 */
export async function downloadTemporalCli(folder: string, options: FetchOptions): Promise<string> {
  const artifact = await askFor(options);
  const archive = path.join(folder, 'archive');
  await fetchFile(artifact.archiveUrl, archive, options);
  const { env, signal } = options;
  const tar = ['-xf', archive, '-C', folder, artifact.fileToExtract];
  const unpacked = await runProgram('tar', tar, { env, signal, timeoutMs: toolchain.downloadMaxMs });
  if (!unpacked.ok) throw new Error(`the archive can't be unpacked: ${unpacked.problem}`);
  return path.join(folder, artifact.fileToExtract);
}

async function askFor({ env, signal }: FetchOptions): Promise<Artifact> {
  const platform = platforms[process.platform];
  const arch = architectures[process.arch];
  if (platform === undefined || arch === undefined) {
    throw new Error(`there is no release for ${process.platform} on ${process.arch}`);
  }
  const base = env['ASOF_TEMPORAL_DOWNLOAD_URL'] ?? service;
  const url = new URL(`/cli/v${toolchain.temporalCliVersion}`, base);
  url.search = new URLSearchParams({ platform, arch, format: 'tar.gz' }).toString();
  const answer = await open(url.href, signal);
  const artifact = (await answer.json()) as Partial<Artifact>;
  if (typeof artifact.archiveUrl !== 'string' || typeof artifact.fileToExtract !== 'string') {
    throw new Error(`${url.origin} answered without naming an archive`);
  }
  // The name becomes a path in our folder, so it must stay inside.
  if (artifact.fileToExtract !== path.basename(artifact.fileToExtract)) {
    throw new Error(`${url.origin} names a file outside its archive: ${artifact.fileToExtract}`);
  }
  return { archiveUrl: artifact.archiveUrl, fileToExtract: artifact.fileToExtract };
}

async function fetchFile(url: string, file: string, { report, signal }: EnsureOptions): Promise<void> {
  const answer = await open(url, signal);
  const total = Number(answer.headers.get('content-length') ?? 0);
  let bytes = 0;
  const stop = reportRegularly(
    report,
    toolchain.reportEveryMs,
    () => `downloading the Temporal CLI: ${megabytes(bytes)}${total > 0 ? ` of ${megabytes(total)}` : ''} MB`,
  );
  const deadline = AbortSignal.timeout(toolchain.downloadMaxMs);
  try {
    if (answer.body === null) throw new Error(`${url} answered without content`);
    const body = Readable.fromWeb(answer.body as import('node:stream/web').ReadableStream<Uint8Array>);
    body.on('data', (chunk: Uint8Array) => {
      bytes += chunk.length;
    });
    await pipeline(body, createWriteStream(file), { signal: eitherSignal(deadline, signal) });
  } finally {
    stop();
  }
}

async function open(url: string, signal: AbortSignal | undefined): Promise<Response> {
  const answer = await firstAnswer(url, signal);
  if (!answer.ok) throw new Error(`${new URL(url).origin} answered ${answer.status} ${answer.statusText}`.trim());
  return answer;
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}
