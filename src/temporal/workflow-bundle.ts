import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { hashFiles, importClosure } from '../feature-repo/index.js';
import { type WorkflowNames, workflowNames } from '../project-code/index.js';
import { BundleFaults } from './bundle-faults.js';
import { bundlerConfig, workflowApi } from './bundler-config.js';

/**
 * The bundled workflows of a project, the built-in ones and its own, from the cache while neither they nor the SDK changed: bundling
 * takes seconds, and a worker starts with every demo and test.
 * @param projectRoot the folder that may hold `workflows/`.
 * @param failureConverterPath the module that turns errors into failures; default: the SDK's own.
 * @throws DefinitionError with file and line for a workflow that can't be bundled, two of one name, or an import that workflows
 * can't have.
 */
export async function workflowBundle(
  projectRoot: string,
  cacheDirectory: string,
  failureConverterPath?: string,
): Promise<{ codePath: string }> {
  const { exported } = await workflowNames(projectRoot);
  const cache = path.resolve(cacheDirectory);
  const base = path.join(cache, `workflows-${fingerprint(projectRoot, exported, failureConverterPath)}`);
  const codePath = `${base}.js`;
  if (existsSync(codePath)) return { codePath };
  mkdirSync(cache, { recursive: true });
  const entry = `${base}.entry.cjs`;
  writeWhole(entry, entryCode(exported, cache));
  const faults = new BundleFaults(projectRoot);
  const converter = failureConverterPath === undefined ? {} : { failureConverterPath };
  const { code } = await bundleWorkflowCode({
    workflowsPath: entry,
    ...converter,
    // Faults are told in words of ours, not by the bundler's report.
    logger: new DefaultLogger('ERROR', () => undefined),
    webpackConfigHook: (config) => bundlerConfig(config, projectRoot, faults),
  }).catch((error: unknown) => {
    throw faults.first() ?? error;
  });
  const fault = faults.first();
  if (fault !== undefined) throw fault;
  writeWhole(codePath, code);
  return { codePath };
}

/** Every workflow under its name, and nothing else. Paths start at the cache: what is special in those above means nothing. */
function entryCode(exported: WorkflowNames['exported'], cacheDirectory: string): string {
  const lines = [...exported].map(([name, { file }]) => {
    const relative = path.relative(cacheDirectory, file).split(path.sep).join('/');
    return `exports[${JSON.stringify(name)}] = require(${JSON.stringify(relative)})[${JSON.stringify(name)}];\n`;
  });
  return lines.join('');
}

function fingerprint(
  projectRoot: string,
  exported: WorkflowNames['exported'],
  failureConverterPath: string | undefined,
): string {
  const { version } = createRequire(import.meta.url)('@temporalio/worker/package.json') as { version: string };
  const hash = createHash('sha256').update(version);
  for (const [name, { file }] of exported) hash.update(`${name} ${file}\n`);
  const entries = [...new Set([...exported.values()].map(({ file }) => file)), workflowApi];
  const lock = path.join(projectRoot, 'package-lock.json');
  const files = [...entries.flatMap(importClosure), ...(existsSync(lock) ? [lock] : [])];
  hash.update(hashFiles(projectRoot, [...new Set(files)]));
  if (failureConverterPath !== undefined) hash.update('failure converter').update(readFileSync(failureConverterPath));
  return hash.digest('hex').slice(0, 16);
}

/** Other workers of the project may read it at the same moment. */
function writeWhole(file: string, content: string): void {
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, content);
  renameSync(temporary, file);
}
