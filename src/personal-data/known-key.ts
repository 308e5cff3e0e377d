import type { PiiRules } from '../definitions/pii-rules.js';
import { DefinitionError } from '../errors.js';
import type { Lake, Session } from '../lake/index.js';
import { hashes, keyFingerprint, piiKey, piiKeyVariable } from './pii-key.js';

/** Which key a project hashes with; the key itself is nowhere in the lake. */
export interface KnownKey {
  readonly fingerprint: string;
  readonly since: Date;
}

/** The key the project's hashes were made with; `undefined` = nothing was hashed yet. */
export async function knownKey(lake: Lake, session?: Session): Promise<KnownKey | undefined> {
  const found = await (session ?? lake).one<{ fingerprint: string; since: Date }>(
    `SELECT fingerprint, recorded_at AS since FROM ${lake.system('pii_key')} ORDER BY recorded_at DESC LIMIT 1`,
  );
  return found;
}

/**
 * Makes sure that all of a project's workers hash with one key: under another one, an entity would be two from then on. The first
 * key that is used becomes the project's.
 * @param where who would hash.
 * @throws DefinitionError when the key is another one.
 */
export async function checkKnownKey(lake: Lake, key: string, where: string): Promise<void> {
  const known = (await knownKey(lake)) ?? (await record(lake, keyFingerprint(key), false));
  compareKeys(known, key, where);
}

/**
 * The key that rules hash with; `undefined` = they hash nothing.
 * @param where who would hash.
 * @throws DefinitionError when there is no key, or it is not the project's.
 */
export async function keyOf(
  lake: Lake,
  rules: PiiRules | undefined,
  where: string,
  env?: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  if (!hashes(rules)) return undefined;
  const key = piiKey(where, env);
  await checkKnownKey(lake, key, where);
  return key;
}

/** @throws DefinitionError when a project's key is another one. */
export function compareKeys(known: KnownKey | undefined, key: string, where: string): void {
  if (known === undefined || known.fingerprint === keyFingerprint(key)) return;
  const since = known.since.toISOString();
  throw new DefinitionError(
    `${piiKeyVariable} is not the key that this project has hashed with since ${since}: what was hashed before would not join with what is to come`,
    {
      where,
      mend: 'set the key that all workers had; to go on with another one from now on: `asof pii key --accept`',
    },
  );
}

/** Makes another key the project's, from now on. */
export const acceptKey = (lake: Lake, key: string): Promise<KnownKey> => record(lake, keyFingerprint(key), true);

/** @returns the key that holds: where two workers are first at once, one of them finds the other's. */
async function record(lake: Lake, fingerprint: string, replace: boolean): Promise<KnownKey> {
  const { result } = await lake.transaction({ message: 'the key of hashed personal data' }, async (session) => {
    // Two that record at once collide here; one of them starts over, and sees the other's.
    await session.run(`UPDATE ${lake.system('registry_head')} SET version = version`);
    const known = await knownKey(lake, session);
    if (known !== undefined && (!replace || known.fingerprint === fingerprint)) return known;
    await session.run(`INSERT INTO ${lake.system('pii_key')} VALUES ($1, now())`, [fingerprint]);
    return (await knownKey(lake, session)) as KnownKey;
  });
  return result;
}
