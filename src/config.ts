import os from 'node:os';
import path from 'node:path';

/** Every limit of the system, named, in one place. Sizes are rows unless the name says otherwise; times carry their unit. */
export const limits = {
  /** DuckDB statements running at once in one process; each occupies a thread of libuv's pool (see bin/asof.js). */
  duckdbStatementsAtOnce: 2,
  /** Attempts of one lake transaction that lost against another writer. */
  transactionAttemptsMax: 60,
  transactionRetryDelayMinMs: 10,
  transactionRetryDelayMaxMs: 400,
  /**
   * A transaction that takes longer is rolled back, and a file that was written for one is written anew. Upkeep relies on it: a file
   * that no snapshot names is nobody's once it is older.
   */
  transactionMaxMs: 3_600_000,
  /** Upkeep's own transactions give way: the next run tries again. */
  upkeepAttemptsMax: 8,
  /** Files no snapshot names are removed when they are older than this; at least a day, and more than a transaction may take. */
  orphanAgeMinMs: 24 * 3_600_000,
  /** Every snapshot is kept for this long; then only the last of each stretch, unless it is needed. */
  everySnapshotMs: 3_600_000,
  snapshotStretchMs: 10 * 60_000,
  /** Snapshots expired by one statement. */
  expireSnapshotsAtOnce: 2_000,
  /** Files that were replaced stay on disk for this long, for reads at work; longer ones are pinned, and their pin keeps the files. */
  replacedFileKeepMs: 3_600_000,
  /** How long the catalog's files may take to be written anew without what was deleted, waiting for others included. */
  scrubMaxMs: 120_000,
  /** How long others wait, on a Postgres catalog, behind who asks to write a table of it anew. */
  scrubLockMs: 500,
  /** How long to wait for a stream to write online what it had committed before an entity was forgotten. */
  forgetDrainMaxMs: 30_000,
  /** A staged file that can't be read and that nobody wrote to for so long is of a step that was killed. */
  forgetWriterIdleMs: 60_000,
  /** A read that takes longer pins its snapshot; the pin is renewed as often, and is good for three times as long. */
  pinEveryMs: 10 * 60_000,
  /** A run that was opened longer ago and never closed no longer holds snapshots: no step is retried for longer than 7 days. */
  openRunHoldsMs: 8 * 24 * 3_600_000,
  /** Files below the first size are small, and merged at every upkeep; those between two sizes once there are several. */
  mergeTiersBytes: [1024 * 1024, 16 * 1024 * 1024, 128 * 1024 * 1024],
  mergeTierFiles: 8,
  /** Share of deleted rows above which a file is written anew. */
  rewriteAboveShare: 0.3,
  /** When upkeep is due, unless its pipeline says otherwise: new snapshots, small files, or this time after the last one. */
  upkeepSnapshots: 500,
  upkeepSmallFiles: 500,
  upkeepEveryMs: 3_600_000,
  /** How long a writer waits for its turn on the SQLite catalog before it tries without it (the catalog itself is safe). */
  writerTurnWaitMaxMs: 10_000,
  writerTurnStaleMs: 5_000,
  /** DuckLake's own retries of a commit on Postgres whose snapshot number another took: 0.6 s in all, each wait 1.5 times the last. */
  snapshotRetriesMax: 10,
  snapshotRetryWaitMs: 5,
  /** How long a process waits for another that is making the lake in an empty database. */
  lakeMakingMaxMs: 120_000,
  /** How long to wait for a connection to a Postgres catalog, where its URL does not say. */
  catalogConnectMaxMs: 10_000,
  /**
   * A statement that takes longer than the first is looked after: when the catalog has not answered this often in a row, asked
   * anew on a connection of its own, it is given up. So a catalog that hangs is noticed within some 30 seconds.
   */
  catalogQuietMs: 8_000,
  catalogAskEveryMs: 2_000,
  catalogAnswerMaxMs: 5_000,
  catalogSilencesMax: 3,
  /** How long an interrupted statement may take to end before its session counts as stuck. */
  interruptMaxMs: 2_000,
  /** How long a commit whose connection broke is looked for in a Postgres that may be starting again. */
  commitLookupMaxMs: 20_000,
  commitLookupEveryMs: 500,
  /**
   * Rows of one online write: bounds the time an LMDB transaction or a Redis script holds others up (some 15 ms in LMDB). Four
   * chunks of DuckDB: fewer rows cost more syncs, more gain nothing.
   */
  onlineWriteChunkRows: 8_192,
  /** A materialize run that would touch more than this share of all keys computes all of them instead. */
  materializeFullAboveShare: 0.5,
  /** Events dated later than this stay history until they are due. */
  allowedClockSkewMs: 5 * 60_000,
  /** One micro-batch of a stream is bounded by rows, bytes and time. */
  streamBatchRowsMax: 10_000,
  streamBatchBytesMax: 8 * 1024 * 1024,
  streamBatchWaitMs: 250,
  /** One slice of stream consumption inside an activity, after which the workflow sees offsets and counts. */
  streamSliceMs: 60_000,
  /** The same in a consumer group, where each end of a slice makes all members stop and share out the partitions anew. */
  streamGroupSliceMs: 10 * 60_000,
  /** Consumers of one stream at once: together they leave a worker room for other steps (activitiesAtOnce). */
  streamConsumersMax: 6,
  /** How long a fenced-off member of a group waits to hear that its partitions are another's; longer than a broker keeps silent members. */
  streamFencedWaitMs: 20_000,
  /** Share of dead letters above which a stream stops, judged once this many events of a slice were read. */
  deadLetterShareMax: 0.5,
  deadLetterShareJudgedFrom: 100,
  /** How long ago a run may have published for the pipelines after it to be started still, should that have been missed. */
  outboxSweepMs: 7 * 24 * 3_600_000,
  /** A single stream event larger than this becomes a dead letter. */
  streamEventBytesMax: 1024 * 1024,
  /** Example rows kept in the lake for a failed expectation. */
  expectationExamples: 10,
  /** Custom SQL of expectations runs in a process of its own, which is killed when it takes more time or memory. */
  customSqlMaxMs: 60_000,
  customSqlMemoryBytesMax: 1024 ** 3,
  customSqlMemoryLookMs: 20,
  /** Rows that one custom SQL can set aside. */
  customSqlQuarantineMax: 1_000_000,
  /** Share of quarantined rows above which a run fails instead of setting them aside. */
  quarantineShareMax: 0.1,
  heartbeatEveryMs: 1_000,
  /** The log of one run, all its files together, and how long a message or its fields may be. */
  runLogBytesMax: 4 * 1024 * 1024,
  runLogLineCharsMax: 4_000,
  /** Runs a process remembers the size of the logs of. */
  runLogsOpenMax: 100,
  /** An online read in Redis fails after this long, unless `readTimeout` of the store says otherwise; any other command after longer. */
  redisReadTimeoutMs: 500,
  redisWriteTimeoutMs: 20_000,
  redisConnectTimeoutMs: 10_000,
  redisReconnectDelayMaxMs: 2_000,
  /** A connection on which nothing comes back for this long is given up and made again. */
  redisSilenceMaxMs: 10_000,
  /** Rows of one script: the server does nothing else meanwhile (about 1 ms). More are no faster. */
  redisScriptRows: 256,
  /** Bytes of rows on their way to Redis at once. */
  redisPipelineBytesMax: 8 * 1024 * 1024,
  /** Keys of one MGET or UNLINK. */
  redisKeysPerCommand: 1_000,
  /** Keys looked at by one step of SCAN: the server does nothing else meanwhile (about 1 ms). */
  redisScanKeys: 4_000,
  /**
   * An expired row is kept for this long, so that readers are told OUTSIDE_MAX_AGE and not NOT_FOUND. In engines that let rows
   * expire by themselves.
   */
  onlineExpiryGraceMs: 24 * 3_600_000,
  /**
   * How long such engines keep tombstones. One keeps a late retry from bringing a deleted row back, and no step is retried for
   * longer than 7 days (scheduleToCloseTimeout of the workflows).
   */
  onlineTombstoneMs: 8 * 24 * 3_600_000,
  /** How often a check of both stores looks at a key before it is called wrong, and how long it waits in between. */
  verifyLooksMax: 3,
  verifyLookWaitMs: 300,
  /** Keys shown of each kind of difference. */
  verifyExamples: 5,
  /** Rows of the lake, newest first, whose keys are looked up online to see how old the newest is there. */
  freshnessProbeRows: 200,
  /** Connecting to a database that rows are read from, and looking at its catalog. */
  sourceConnectMaxMs: 10_000,
  sourceLookMaxMs: 60_000,
  /** Rows of a database that are gathered in memory before they are written: a group of DuckDB's usual size, or these bytes. */
  sourceRowGroupBytesMax: 32 * 1024 * 1024,
  /** Intervals of one backfill; more are a mistake of the range. */
  backfillIntervalsMax: 1_000_000,
  /** Intervals of one answer to a backfill's workflow: some 6 KB. */
  backfillPage: 100,
  /** Intervals whose statuses are read by one query. */
  backfillStatusesAtOnce: 5_000,
  /** Runs of a backfill at once, unless it is told, and at most: workers have some slots for other steps too. */
  backfillParallel: 2,
  backfillParallelMax: 100,
  /** How often a database is asked how many rows it has sent. */
  sourceProgressEveryMs: 2_000,
  /** How long the receiver of a notification may take to answer, and how long it may ask to be left alone. */
  notificationAnswerMaxMs: 10_000,
  notificationRetryAfterMinMs: 1_000,
  notificationRetryAfterMaxMs: 3_600_000,
  /** What is read of the answer of a receiver. */
  notificationAnswerBytesMax: 2_048,
} as const;

/** Memory DuckDB may plan with, e.g. `4GB`; about half of the machine unless ASOF_DUCKDB_MEMORY says otherwise. */
export function duckdbMemoryLimit(env: NodeJS.ProcessEnv = process.env): string {
  return env['ASOF_DUCKDB_MEMORY'] ?? `${Math.max(512, Math.round((os.totalmem() / 1024 ** 2) * 0.5))}MB`;
}

/** Threads DuckDB uses in this process. */
export function duckdbThreads(env: NodeJS.ProcessEnv = process.env): number {
  const asked = Number(env['ASOF_DUCKDB_THREADS']);
  return Number.isInteger(asked) && asked > 0 ? asked : Math.max(1, os.availableParallelism());
}

/** Exactly one version of the extensions fits the pinned @duckdb/node-api. */
export const duckdbVersion = '1.5.5';

/** Where tools fetched for this user are kept: `ASOF_CACHE_DIR`, else the user's cache folder. */
export function toolCacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  return env['ASOF_CACHE_DIR'] ?? path.join(env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache'), 'asof');
}

/** Where a DuckDB extension lies once the toolchain fetched it. */
export function duckdbExtensionFile(name: string, env: NodeJS.ProcessEnv = process.env): string {
  return path.join(toolCacheDirectory(env), `duckdb-${duckdbVersion}`, `${name}.duckdb_extension`);
}
