import type { CloseRequest } from '../src/index.js';
import type { ActivityDeps } from './lib/deps.js';

/** Writes how the run ended and gives its interval free. */
export const closeRun = ({ store }: ActivityDeps, input: CloseRequest): Promise<void> => store.runs.close(input);
