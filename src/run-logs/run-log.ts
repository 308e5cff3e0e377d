/** From the one that says most to the one that says least. */
export const logLevels = ['info', 'warn', 'error'] as const;

export type LogLevel = (typeof logLevels)[number];

/** Plain values that tell more of a message: counts, names, paths; never rows, never secrets. */
export type LogFields = Readonly<Record<string, unknown>>;

/** One line of a run's log. */
export interface RunLogLine {
  /** ISO time of the host that wrote it. */
  readonly at: string;
  readonly level: LogLevel;
  /** In people's words, e.g. `explore and validate`. */
  readonly step: string;
  /** Of steps of one view. */
  readonly view?: string | undefined;
  /** The how manieth try of the step, from 1. */
  readonly attempt: number;
  /** `<pid>@<host>` of the process that wrote it. */
  readonly worker: string;
  readonly message: string;
  readonly fields?: LogFields | undefined;
}

/** Which lines of a log are asked for. */
export interface LogFilter {
  /** A step, a view, or both: `clean`, `driver_stats`, `clean driver_stats`. */
  readonly step?: string | undefined;
  /** Lines that are at least so grave. */
  readonly level?: LogLevel | undefined;
}

export const fits =
  ({ step: wanted, level = 'info' }: LogFilter) =>
  (line: RunLogLine): boolean =>
    logLevels.indexOf(line.level) >= logLevels.indexOf(level) &&
    (wanted === undefined || wanted === line.view || isStep(line, wanted));

/** `explore` is enough of `explore and validate`, and so is `clean` of `clean driver_stats`. */
const isStep = ({ step, view }: RunLogLine, wanted: string): boolean =>
  `${step} ${view ?? ''} `.startsWith(`${wanted} `) ||
  (view !== undefined && wanted.endsWith(` ${view}`) && `${step} `.startsWith(wanted.slice(0, -view.length)));
