import type { TestProject } from 'vitest/node';
import { ensureDuckdbExtensions, ensureTemporalCli } from '../src/toolchain/index.js';
import { makeBuild } from './support/build.js';
import { ensureServices } from './support/services.js';

/**
 * Everything the tests need that `npm ci` does not bring: found, fetched or built once, before the first test.
 * @returns what takes away again what was built.
 */
export async function setup(project: TestProject): Promise<() => void> {
  // Where `asof services` is used by hand: a test says itself which engines it means.
  for (const name of ['CATALOG_URL', 'SHARED_PATH', 'REDIS_URL', 'KAFKA_BROKERS', 'SOURCE_URL'])
    delete process.env[`ASOF_${name}`];
  const report = ({ message }: { message: string }) => console.error(message);
  await ensureDuckdbExtensions({ report });
  const cli = await ensureTemporalCli({ report });
  process.env['ASOF_TEMPORAL_CLI'] = cli.path;
  const missing = await ensureServices();
  const reasons = Object.entries(missing).map(([name, reason]) => `${name}: ${reason}`);
  if (reasons.length > 0 && process.env['CI'] === 'true') {
    throw new Error(`services are missing, and with CI=true no test may be skipped:\n${reasons.join('\n')}`);
  }
  for (const reason of reasons) console.warn(`tests will be SKIPPED, no ${reason}`);
  process.env['ASOF_TEST_MISSING_SERVICES'] = JSON.stringify(missing);
  const build = await makeBuild();
  project.onTestsRerun(build.compile);
  return build.remove;
}
