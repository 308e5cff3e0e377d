/** How the client of a Kafka cluster behaves: times in milliseconds, sizes in bytes. */
export const kafka = {
  connectTimeoutMs: 5_000,
  requestTimeoutMs: 20_000,
  /** Attempts of one request, with pauses that double up to the longest: a broker may be started again meanwhile. */
  retries: 6,
  retryDelayMs: 200,
  retryDelayMaxMs: 2_000,
  /** A consumer that could not be in its group for this long gives up; whoever runs it tries again. */
  outageMaxMs: 12_000,
  /** A member of a group that was not heard of for this long loses its partitions; brokers allow no less than 6 s. */
  sessionTimeoutMs: 8_000,
  heartbeatEveryMs: 2_000,
  /** Members that do not join again within this time are left out. */
  rebalanceTimeoutMs: 15_000,
  /** How long a broker holds an answer back that would be empty: also what a seek and a close may wait for. */
  fetchWaitMs: 200,
  /** One answer of a broker; a single larger event comes all the same. */
  fetchBytesMax: 4 * 1024 * 1024,
  fetchPartitionBytesMax: 1024 * 1024,
  /** Of different partitions. */
  batchesAtOnce: 64,
  /** Fetching pauses while this much was fetched and not polled. */
  bufferedBytesMax: 4 * 1024 * 1024,
  bufferedRowsMax: 20_000,
  /** Partitions of a topic that is made by a producer. */
  topicPartitions: 4,
  /** Keys and values of one send: brokers take batches of about 1 MB unless told otherwise. */
  sendBytesMax: 512 * 1024,
} as const;
