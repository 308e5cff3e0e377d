import { env, fileSource, float32, int64, kafkaSource, postgresSource, timestamp } from 'asof';

const driverStatsRows = {
  name: 'driver_stats',
  description: 'Hourly statistics per driver',
  timestampField: 'datetime',
  createdTimestampField: 'created',
  owner: 'batch-source@example.com',
};

/** Hourly statistics of every driver: from the database that ASOF_SOURCE_URL names, else from a file exported from it. */
export const driverStatsSource = process.env['ASOF_SOURCE_URL']
  ? postgresSource({
      ...driverStatsRows,
      table: 'public.driver_stats',
      connection: env('ASOF_SOURCE_URL'),
      // Each run reads on from the last hour it saw; statistics of an hour come up to a day late.
      cursor: 'datetime',
      cursorLag: '1 day',
    })
  : fileSource({ ...driverStatsRows, path: 'data/driver_stats.parquet' });

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
  batchSource: driverStatsSource,
  owner: 'stream-source@example.com',
});
