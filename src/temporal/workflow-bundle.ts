import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

/**
 * The bundled workflows, from the cache while neither they nor the SDK changed: bundling takes seconds, and a worker starts with
 * every demo and test.
 * @param workflowsPath the file that exports all workflows.
 */
export async function workflowBundle(workflowsPath: string, cacheDirectory: string): Promise<{ codePath: string }> {
  const codePath = path.join(cacheDirectory, `workflows-${fingerprint(path.dirname(workflowsPath))}.js`);
  if (!existsSync(codePath)) {
    mkdirSync(cacheDirectory, { recursive: true });
    const { code } = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('WARN') });
    const temporary = `${codePath}.${process.pid}.tmp`;
    writeFileSync(temporary, code);
    renameSync(temporary, codePath);
  }
  return { codePath };
}

function fingerprint(folder: string): string {
  const { version } = createRequire(import.meta.url)('@temporalio/worker/package.json') as { version: string };
  const hash = createHash('sha256').update(version);
  for (const file of readdirSync(folder).sort()) {
    if (/\.[jt]s$/.test(file)) hash.update(file).update(readFileSync(path.join(folder, file)));
  }
  return hash.digest('hex').slice(0, 16);
}
