import { fileSource, float32, int64, kafkaSource, timestamp } from 'asof';

/** Hourly statistics of every driver, exported from the database. */
export const driverStatsFile = fileSource({
  name: 'driver_stats',
  description: 'Hourly statistics per driver',
  path: 'data/driver_stats.parquet',
  timestampField: 'datetime',
  createdTimestampField: 'created',
  owner: 'batch-source@example.com',
});

/** The same statistics as they happen, one JSON event each; rates are fractions, 0 to 1. */
export const driverStatsTopic = kafkaSource({
  name: 'driver_stats_stream',
  description: 'Statistics per driver as they happen',
  topic: 'drivers',
  event: {
    driver_id: int64(),
    datetime: timestamp(),
    created: timestamp(),
    conv_rate: float32(),
    acc_rate: float32(),
  },
  timestampField: 'datetime',
  createdTimestampField: 'created',
  watermark: '5 minutes',
  batchSource: driverStatsFile,
  owner: 'stream-source@example.com',
});
