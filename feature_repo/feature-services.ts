import { featureService } from 'asof';
import { driverStats, driverStatsStream } from './features.js';

/** What the model that picks a driver for a trip reads, in training and in serving. */
export const driverRanking = featureService({
  name: 'driver_ranking',
  description: 'Features of the driver ranking model',
  features: [driverStats],
  owner: 'mlops@example.com',
  tags: ['ranking'],
});

/** The same with the stream's percentages beside them; the prefix tells the two rates apart. */
export const driverRankingFresh = featureService({
  name: 'driver_ranking_fresh',
  description: 'Features of the driver ranking model, with the newest rates from the stream',
  features: [driverStats, driverStatsStream.prefixed('fresh_')],
  owner: 'mlops@example.com',
  tags: ['ranking', 'fresh'],
});
