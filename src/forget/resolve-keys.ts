import type { BatchSource } from '../definitions/batch-source.js';
import { didYouMean } from '../did-you-mean.js';
import { DefinitionError } from '../errors.js';
import type { FeatureRepo } from '../feature-repo/feature-repo.js';
import type { Lake } from '../lake/index.js';
import { compareKeys, type Hashable, hashPii, knownKey, piiKey } from '../personal-data/index.js';
import { type EverDeclared, everDeclared } from '../registry/index.js';
import type { Schema } from '../types.js';
import { type ForgottenKey, keyPart } from './key.js';

/** What the definitions say of join keys, or ever said: rows of entities and rules that are gone are still there. */
export interface Declared extends EverDeclared {
  /** Columns for which a source has a rule `hash` now. */
  readonly hashedNow: ReadonlySet<string>;
}

export async function declaredKeys(lake: Lake, repo: Pick<FeatureRepo, 'entities' | 'sources'>): Promise<Declared> {
  const { entities, hashed } = await everDeclared(lake);
  const rules = [...repo.sources.values()].flatMap(({ pii }) => Object.entries(pii ?? {}));
  return {
    // What is defined now comes last: of a join key that changed its type, the newest one counts.
    entities: [...entities, ...repo.entities.values()],
    hashed,
    hashedNow: new Set(rules.filter(([, rule]) => rule === 'hash').map(([column]) => column)),
  };
}

/** Join keys of all entities, with their types. */
export const joinKeysOf = ({ entities }: Pick<Declared, 'entities'>): Schema =>
  Object.assign({}, ...entities.map(({ joinKeys }) => joinKeys));

export const batchSourcesOf = ({ sources }: Pick<FeatureRepo, 'sources'>): BatchSource[] =>
  [...sources.values()].filter((source): source is BatchSource => source.kind !== 'kafka_source');

/**
 * The keys a person gives, with every form their values may stand in: a source with a pii rule keeps a hash.
 * @param given join key → value of its type; some of the join keys of one entity mean all entities with those values.
 * @throws DefinitionError for unknown entities and names, join keys of no common entity, and a hash without its key.
 */
export async function resolveKeys(
  lake: Lake,
  declared: Declared,
  given: readonly Readonly<Record<string, unknown>>[],
  { entity, env }: { entity?: string | undefined; env: NodeJS.ProcessEnv },
): Promise<{ keys: ForgottenKey[]; hashed: boolean }> {
  if (given.length === 0) throw new DefinitionError('no key is given', { mend: 'write e.g. --key driver_id=1001' });
  const entities = declared.entities.filter(({ name }) => entity === undefined || name === entity);
  if (entities.length === 0) {
    const names = [...new Set(declared.entities.map(({ name }) => name))];
    const mend = `${didYouMean(entity ?? '', names)}there are ${names.join(', ') || 'none'}`;
    throw new DefinitionError(`there is no entity "${entity ?? ''}"`, { mend });
  }
  const known = joinKeysOf({ entities });
  const projectKey = await knownKey(lake);
  // By a rule of before nothing was hashed when the project has no key.
  const isHashed = (name: string): boolean =>
    declared.hashedNow.has(name) || (declared.hashed.has(name) && projectKey !== undefined);
  let hashed = false;
  const keys = given.map((key) => {
    const names = Object.keys(key);
    for (const name of names) {
      if (Object.hasOwn(known, name)) continue;
      throw new DefinitionError(`there is no join key "${name}"`, {
        where: '--key',
        mend: `${didYouMean(name, Object.keys(known))}there are ${Object.keys(known).join(', ')}`,
      });
    }
    if (!entities.some(({ joinKeys }) => names.every((name) => Object.hasOwn(joinKeys, name)))) {
      throw new DefinitionError(`no entity has the join keys ${names.join(' and ')} together`, {
        where: '--key',
        mend: 'give each entity a --key of its own',
      });
    }
    return names.map((name) => {
      const hash = isHashed(name) ? hashPii(key[name] as Hashable, env) : undefined;
      hashed ||= hash !== undefined;
      return keyPart(name, known[name] as Schema[string], key[name], hash);
    });
  });
  // Under another key nothing would be found, and forgetting would seem done.
  if (hashed) compareKeys(projectKey, piiKey('forget', env), 'forget');
  return { keys, hashed };
}
