/** One thing looked at. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** Whether asof can't run while this is not ok. */
  readonly required: boolean;
  /** What was found, for people. Never holds secrets. */
  readonly found: string;
  readonly version?: string | undefined;
  /** Path or address. */
  readonly where?: string | undefined;
  /** What to do when it is not ok. */
  readonly mend?: string | undefined;
}
