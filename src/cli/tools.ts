import { ensureDuckdbExtensions, ensureTemporalCli, type TemporalCli } from '../toolchain/index.js';
import type { GlobalOptions } from './command.js';
import { runTask } from './progress.js';

/** Makes sure the DuckDB extensions are here; silent and quick when they are. */
export const ensureExtensions = async ({ json }: GlobalOptions): Promise<void> => {
  await runTask('DuckDB extensions', { json }, (update) =>
    ensureDuckdbExtensions({ report: ({ message }) => update(message) }),
  );
};

export const ensureTemporal = ({ json }: GlobalOptions): Promise<TemporalCli> =>
  runTask('Temporal', { json }, (update) => ensureTemporalCli({ report: ({ message }) => update(message) }));
