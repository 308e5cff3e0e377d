/** Why SQL in a sandbox gave no result: DuckDB refused it, or its time or memory ran out. Callers say whose SQL it was. */
export class SandboxError extends Error {
  override readonly name = 'SandboxError';

  constructor(
    readonly reason: 'sql' | 'time' | 'memory',
    message: string,
  ) {
    super(message);
  }
}
