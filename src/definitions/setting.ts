import { DefinitionError } from '../errors.js';

/** A value that is read from the environment when a store is opened, so that it stands in no definition, registry or log. */
export interface EnvValue {
  readonly env: string;
  /** Used when the variable is not set. */
  readonly fallback: string | undefined;
}

/** Text, or where in the environment it is. */
export type Setting = string | EnvValue;

/**
 * @param name of the variable, e.g. `env('ASOF_REDIS_URL')`.
 * @param fallback used when it is not set; never a secret.
 */
export function env(name: string, fallback?: string): EnvValue {
  if (typeof name !== 'string' || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    throw new DefinitionError(`${JSON.stringify(name)} is no name of an environment variable`, {
      where: 'env()',
      mend: "write env('ASOF_REDIS_URL')",
    });
  }
  return Object.freeze({ env: name, fallback });
}

export function isSetting(value: unknown): value is Setting {
  return (
    (typeof value === 'string' && value !== '') ||
    (typeof value === 'object' && value !== null && typeof (value as EnvValue).env === 'string')
  );
}

/** The text of a setting. @throws DefinitionError when its variable is not set. */
export function readSetting(
  where: string,
  field: string,
  setting: Setting,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  if (typeof setting === 'string') return setting;
  const value = environment[setting.env] ?? setting.fallback;
  if (value !== undefined && value !== '') return value;
  throw new DefinitionError(`${field} is to be read from ${setting.env}, which is not set`, {
    where,
    mend: `export ${setting.env}=…`,
  });
}

/** @throws DefinitionError for what is no setting, and for a secret written down in the definitions. */
export function checkSetting(where: string, field: string, value: unknown, kind: 'text' | 'secret' | 'url'): void {
  if (!isSetting(value)) {
    const literal = kind === 'text' ? ` or ${field}: 'text'` : '';
    throw new DefinitionError(`${field} ${value === undefined ? 'is missing' : 'is no setting'}`, {
      where,
      mend: `write ${field}: env('SOME_VARIABLE')${literal}`,
    });
  }
  const isWritten =
    typeof value === 'string' && (kind === 'secret' || (kind === 'url' && /:\/\/[^/@]*:[^/@]+@/.test(value)));
  if (!isWritten) return;
  // The value is not shown: it is a secret.
  throw new DefinitionError(`${field} holds a password in the definitions`, {
    where,
    mend: `keep it in the environment: ${field}: env('SOME_VARIABLE')`,
  });
}
