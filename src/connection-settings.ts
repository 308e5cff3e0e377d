import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { type FeatureStoreConfig, readSetting, type TlsSettings } from './definitions/index.js';
import { DefinitionError } from './errors.js';

/** What the settings of an engine are read from. */
export interface SettingsPlace {
  /** Names the project in errors. */
  readonly where: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Paths of certificates are relative to it. */
  readonly root: string;
}

/** The place of a project's configuration: variables of this process, files relative to the project's root. */
export const configPlace = ({ config, projectRoot }: ConfiguredProject): SettingsPlace => ({
  where: `featureStoreConfig "${config.project}"`,
  environment: process.env,
  root: projectRoot,
});

interface ConfiguredProject {
  readonly config: Pick<FeatureStoreConfig, 'project'>;
  readonly projectRoot: string;
}

/**
 * TLS as node:tls takes it, with its files read; `undefined` = no TLS.
 * @param field of the settings, for errors, e.g. `onlineStore.tls`.
 * @throws DefinitionError for a variable that is not set or a file that can't be read.
 */
export function tlsOptions(
  field: string,
  tls: boolean | TlsSettings | undefined,
  { where, environment, root }: SettingsPlace,
): ConnectionOptions | undefined {
  if (tls === undefined || tls === false) return undefined;
  const settings = tls === true ? {} : tls;
  const text = (name: keyof TlsSettings): string | undefined => {
    const setting = settings[name];
    return setting === undefined ? undefined : readSetting(where, `${field}.${name}`, setting, environment);
  };
  const options: ConnectionOptions = { rejectUnauthorized: true };
  for (const name of ['ca', 'cert', 'key'] as const) {
    const given = text(name);
    if (given === undefined) continue;
    try {
      options[name] = readFileSync(path.resolve(root, given));
    } catch (error) {
      throw new DefinitionError(`${field}.${name} can't be read: ${(error as Error).message}`, {
        where,
        mend: 'put the PEM file there, readable for this user',
      });
    }
  }
  const servername = text('serverName');
  return servername === undefined ? options : { ...options, servername };
}
