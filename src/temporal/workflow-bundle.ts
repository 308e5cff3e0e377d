import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

/**
 * The bundled workflows, from the cache while neither they nor the SDK changed: bundling takes seconds, and a worker starts with
 * every demo and test.
 * @param workflowsPath the file that exports all workflows.
 * @param failureConverterPath the module that turns errors into failures; default: the SDK's own.
 */
export async function workflowBundle(
  workflowsPath: string,
  cacheDirectory: string,
  failureConverterPath?: string,
): Promise<{ codePath: string }> {
  const converter = failureConverterPath === undefined ? {} : { failureConverterPath };
  const codePath = path.join(cacheDirectory, `workflows-${fingerprint(workflowsPath, failureConverterPath)}.js`);
  if (!existsSync(codePath)) {
    mkdirSync(cacheDirectory, { recursive: true });
    const { code } = await bundleWorkflowCode({ workflowsPath, ...converter, logger: new DefaultLogger('WARN') });
    const temporary = `${codePath}.${process.pid}.tmp`;
    writeFileSync(temporary, code);
    renameSync(temporary, codePath);
  }
  return { codePath };
}

function fingerprint(workflowsPath: string, failureConverterPath: string | undefined): string {
  const { version } = createRequire(import.meta.url)('@temporalio/worker/package.json') as { version: string };
  const folder = path.dirname(workflowsPath);
  const hash = createHash('sha256').update(version);
  for (const file of (readdirSync(folder, { recursive: true }) as string[]).sort()) {
    if (/\.[jt]s$/.test(file)) hash.update(file).update(readFileSync(path.join(folder, file)));
  }
  if (failureConverterPath !== undefined) hash.update('failure converter').update(readFileSync(failureConverterPath));
  return hash.digest('hex').slice(0, 16);
}
