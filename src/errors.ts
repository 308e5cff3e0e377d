/**
 * Errors are classified by what happens next, not by where they arose. The class names are wire contract: Temporal matches
 * them when it decides whether a failed step is tried again, so each has a test that pins it.
 */
export interface ErrorDetails {
  /** Where it happened: file, view, column, offset. */
  readonly where?: string;
  /** What the reader can do about it, as a sentence or a command. */
  readonly mend?: string;
  readonly cause?: unknown;
}

/** Base of all errors made by asof. `message` says what happened and where; `mend` how to put it right. */
export class AsofError extends Error {
  override readonly name: string = 'AsofError';
  readonly where: string | undefined;
  readonly mend: string | undefined;

  constructor(what: string, { where, mend, cause }: ErrorDetails = {}) {
    super(where === undefined ? what : `${where}: ${what}`, cause === undefined ? undefined : { cause });
    this.where = where;
    this.mend = mend;
  }
}

/** The author of the definitions, the configuration or the request must act. Final: never retried. */
export class DefinitionError extends AsofError {
  override readonly name = 'DefinitionError';
}

/** The owner of the data must act. Final for that input: never retried, and nothing of it was written. */
export class DataError extends AsofError {
  override readonly name = 'DataError';
}

/** Another consumer or run took over this work. Final for the one that lost it; the data is in good hands. */
export class FencedError extends AsofError {
  override readonly name = 'FencedError';
}

/** A store, broker or server did not answer. Retried. */
export class StoreUnavailableError extends AsofError {
  override readonly name = 'StoreUnavailableError';
}

/** Errors for which another attempt cannot help. */
export const finalErrorNames = ['DefinitionError', 'DataError', 'FencedError'] as const;

/** The message with its mend, as printed for people and kept in Temporal failures. */
export function describeError(error: unknown): string {
  if (error instanceof AsofError)
    return error.mend === undefined ? error.message : `${error.message}\n  → ${error.mend}`;
  return error instanceof Error ? error.message : String(error);
}
