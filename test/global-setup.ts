import { ensureDuckdbExtensions, ensureTemporalCli } from '../src/toolchain/index.js';

/** Everything the tests need that `npm ci` does not bring: found or fetched once, before the first test. */
export async function setup(): Promise<void> {
  const report = ({ message }: { message: string }) => console.error(message);
  await ensureDuckdbExtensions({ report });
  const cli = await ensureTemporalCli({ report });
  process.env['ASOF_TEMPORAL_CLI'] = cli.path;
}
