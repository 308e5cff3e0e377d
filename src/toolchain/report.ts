/** Progress of getting a tool, for a line on the terminal. `elapsedMs` counts from the start of the step it speaks of. */
export type Report = (event: { message: string; elapsedMs?: number }) => void;

/** How tools are fetched: who hears of the progress, which environment counts, what ends it early. */
export interface EnsureOptions {
  readonly report: Report;
  /** Default: this process's. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** {@link EnsureOptions} with the environment decided. */
export type FetchOptions = EnsureOptions & { readonly env: NodeJS.ProcessEnv };

/** Reports `message()` at once and then every `everyMs` until the returned function is called. */
export function reportRegularly(report: Report, everyMs: number, message: () => string): () => void {
  const startedAt = Date.now();
  const tell = () => report({ message: message(), elapsedMs: Date.now() - startedAt });
  tell();
  const timer = setInterval(tell, everyMs);
  return () => clearInterval(timer);
}
