import { between, featureView, float32, int32, missingRatio, notNull, streamFeatureView } from 'asof';
import { driverStatsSource, driverStatsTopic } from './data-sources.js';
import { driver } from './entities.js';

/** From the database; rates are fractions, 0 to 1. */
export const driverStats = featureView({
  name: 'driver_stats',
  description: 'Conversion, acceptance and daily trips of drivers',
  entities: [driver],
  ttl: '36500 days',
  source: driverStatsSource,
  features: {
    conv_rate: float32(),
    acc_rate: float32(),
    avg_daily_trips: int32(),
  },
  expect: [
    notNull('driver_id'),
    between('conv_rate', 0, 1),
    between('acc_rate', 0, 1),
    missingRatio('acc_rate', { below: 0.8 }),
    between('avg_daily_trips', 0, 1_000, { severity: 'warn' }),
  ],
  owner: 'mlops@example.com',
  tags: ['ranking'],
});

/** From the stream, minutes old instead of a day; rates are percent, 0 to 100. */
export const driverStatsStream = streamFeatureView({
  name: 'driver_stats_stream',
  description: 'Fresh conversion and acceptance of drivers, in percent',
  entities: [driver],
  ttl: '36500 days',
  source: driverStatsTopic,
  features: {
    conv_rate: float32(),
    acc_rate: float32(),
  },
  transform: ({ conv_rate, acc_rate }) => ({
    conv_rate: conv_rate * 100,
    acc_rate: acc_rate * 100,
  }),
  expect: [between('conv_rate', 0, 100), between('acc_rate', 0, 100)],
  owner: 'stream-source@example.com',
  tags: ['ranking', 'fresh'],
});
