import type { CloseRequest } from '../src/index.js';
import type { ActivityDeps } from './lib/deps.js';
import { stepLog } from './lib/step-log.js';

/** Writes how the run ended and gives its interval free. */
export async function closeRun(deps: ActivityDeps, input: CloseRequest): Promise<void> {
  await deps.store.runs.close(input);
  const { status, published, quality, message } = input;
  const fields = { published, ...(quality === undefined ? {} : { quality }) };
  const log = stepLog(deps, input);
  if (status === 'completed') log('run completed', fields);
  else
    log(`run ${status}${message === undefined ? '' : `: ${message}`}`, fields, status === 'failed' ? 'error' : 'warn');
}
