import type { TemporalCli } from '../toolchain/index.js';
import type { GlobalOptions } from './command.js';
import { runTask } from './progress.js';

/** Makes sure the DuckDB extensions are here; silent and quick when they are. */
export const ensureExtensions = async ({ json }: Pick<GlobalOptions, 'json'>): Promise<void> => {
  const { duckdbExtensions, ensureDuckdbExtensions, findDuckdbExtensions } = await import('../toolchain/index.js');
  if ((await findDuckdbExtensions()).length === duckdbExtensions.length) return;
  await runTask('DuckDB extensions', { json }, (update) =>
    ensureDuckdbExtensions({ report: ({ message }) => update(message) }),
  );
};

export const ensureTemporal = ({ json }: Pick<GlobalOptions, 'json'>): Promise<TemporalCli> =>
  runTask('Temporal', { json }, async (update) => {
    const { ensureTemporalCli } = await import('../toolchain/index.js');
    return ensureTemporalCli({ report: ({ message }) => update(message) });
  });
