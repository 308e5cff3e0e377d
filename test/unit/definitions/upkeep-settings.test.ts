import { describe, expect, it } from 'vitest';
import { featureStoreConfig } from '../../../src/definitions/index.js';
import { DefinitionError } from '../../../src/errors.js';

const day = 24 * 3_600_000;
const config = (upkeep: object) => featureStoreConfig({ project: 'p', upkeep });

describe('settings of upkeep', () => {
  it('have defaults, and keep saved training sets until they are dropped', () => {
    expect(featureStoreConfig({ project: 'p' }).upkeep).toEqual({
      keepSnapshotsMs: 7 * day,
      keepRunsMs: 90 * day,
      keepStagingMs: 7 * day,
      keepTrainingSetsMs: undefined,
    });
    expect(config({ keepSnapshots: '30 days', keepTrainingSets: '52 weeks' }).upkeep).toMatchObject({
      keepSnapshotsMs: 30 * day,
      keepTrainingSetsMs: 364 * day,
    });
  });

  it.each([
    [{ keepSnapshots: '23 hours' }, /keepSnapshots "23 hours" is shorter than 1 day/],
    [{ keepSnapshots: '7' }, /keepSnapshots "7" is not a duration/],
    [{ keepRuns: 90 }, /keepRuns 90 is not a duration/],
    [{ keepStaging: '0' }, /keepStaging "0" is shorter than 1 hour/],
    [{ keepTrainingSets: '1 minute' }, /keepTrainingSets "1 minute" is shorter than 1 day/],
    [{ keepSnapshot: '7 days' }, /keepSnapshot/],
  ])('refuse %j', (upkeep, message) => {
    expect(() => config(upkeep)).toThrow(DefinitionError);
    expect(() => config(upkeep)).toThrow(message);
  });
});
