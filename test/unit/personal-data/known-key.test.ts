import { afterEach, beforeEach, expect, test } from 'vitest';
import { Lake } from '../../../src/lake/index.js';
import { acceptKey, checkKnownKey, keyFingerprint, knownKey } from '../../../src/personal-data/index.js';
import { type TempLake, withTempLake } from '../../support/lake.js';

const [one, other] = ['the first key, long enough', 'another key, long enough'];
let temp: TempLake;
beforeEach(async () => {
  temp = await withTempLake();
});
afterEach(() => temp.close());

test('the first key is the project’s; another one is refused until it is accepted', async () => {
  await checkKnownKey(temp.lake, one, 'here');
  await checkKnownKey(temp.lake, one, 'here');
  await expect(checkKnownKey(temp.lake, other, 'fileSource "f"')).rejects.toMatchObject({
    name: 'DefinitionError',
    message: expect.stringMatching(/^fileSource "f": ASOF_PII_KEY is not the key/),
    mend: expect.stringContaining('asof pii key --accept'),
  });
  await acceptKey(temp.lake, other);
  await checkKnownKey(temp.lake, other, 'here');
  await expect(checkKnownKey(temp.lake, one, 'here')).rejects.toThrow(/is not the key/);
});

test('of two workers that are first at once, one wins and the other is refused', async () => {
  const second = await Lake.open({ stateDir: temp.stateDir, project: 'test' });
  try {
    const done = await Promise.allSettled([checkKnownKey(temp.lake, one, 'a'), checkKnownKey(second, other, 'b')]);
    expect(done.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await temp.lake.all(`FROM ${temp.lake.system('pii_key')}`)).toHaveLength(1);
  } finally {
    second.close();
  }
});

test('the lake holds the key’s fingerprint and nothing of the key', async () => {
  await checkKnownKey(temp.lake, one, 'here');
  expect((await knownKey(temp.lake))?.fingerprint).toBe(keyFingerprint(one));
  expect(keyFingerprint(one)).toMatch(/^[0-9a-f]{32}$/);
});
