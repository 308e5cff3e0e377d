import { entity, int64 } from 'asof';

/** What the features are about: somebody who drives. */
export const driver = entity({
  name: 'driver',
  description: 'A driver of the ride-hailing service',
  joinKeys: { driver_id: int64() },
  owner: 'mlops@example.com',
});
