import { appendFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { readSetting } from '../../definitions/index.js';
import { DefinitionError, StoreUnavailableError } from '../../errors.js';
import type { FeatureRepo } from '../../feature-repo/index.js';
import { type Posted, post } from '../../notifications/index.js';
import type { RunEvent } from './facets.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether runs are told of: by the configuration, or by the variable that all producers of OpenLineage know. */
export function emitsOpenLineage(
  { config }: Pick<FeatureRepo, 'config'>,
  environment: Environment = process.env,
): boolean {
  if (/^(true|1)$/i.test(environment['OPENLINEAGE_DISABLED'] ?? '')) return false;
  return config.lineage !== undefined || isSet(environment['OPENLINEAGE_URL']);
}

const isSet = (value: string | undefined): value is string => value !== undefined && value !== '';

/** Of the jobs. */
export const jobNamespace = ({ config }: Pick<FeatureRepo, 'config'>, environment: Environment = process.env): string =>
  config.lineage?.openLineage.namespace ?? (environment['OPENLINEAGE_NAMESPACE'] || config.project);

/**
 * Sends one event once, to the server or the file.
 * @returns as `post` does: with a DefinitionError where another try can't help, with a StoreUnavailableError where it may.
 */
export async function sendOpenLineage(
  repo: Pick<FeatureRepo, 'config' | 'projectRoot'>,
  event: RunEvent,
  { environment = process.env, signal }: { environment?: Environment; signal?: AbortSignal | undefined } = {},
): Promise<Posted> {
  const body = JSON.stringify(event);
  const settings = repo.config.lineage?.openLineage;
  if (settings !== undefined && 'file' in settings) return append(path.resolve(repo.projectRoot, settings.file), body);
  const where = `featureStoreConfig "${repo.config.project}", lineage.openLineage`;
  try {
    const read = (field: string, setting: Parameters<typeof readSetting>[2]): string =>
      readSetting(where, field, setting, environment);
    const url = settings === undefined ? (environment['OPENLINEAGE_URL'] ?? '') : read('url', settings.url);
    const key = settings?.apiKey === undefined ? environment['OPENLINEAGE_API_KEY'] : read('apiKey', settings.apiKey);
    const headers = isSet(key) ? { authorization: `Bearer ${key}` } : {};
    const endpoint = environment['OPENLINEAGE_ENDPOINT'] || 'api/v1/lineage';
    return await post({ where, address: addressOf(url, endpoint), headers, body, signal });
  } catch (error) {
    if (error instanceof DefinitionError) return { delivered: false, error };
    throw error;
  }
}

function addressOf(url: string, endpoint: string): string {
  if (!URL.canParse(url)) return url;
  const address = new URL(url);
  address.pathname = `${address.pathname.replace(/\/+$/, '')}/${endpoint.replace(/^\/+/, '')}`;
  return address.href;
}

function append(file: string, body: string): Posted {
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    // One write: lines of several workers do not mix.
    appendFileSync(file, `${body}\n`);
    return { delivered: true, status: 200, host: file };
  } catch (error) {
    return {
      delivered: false,
      error: new StoreUnavailableError(`the event can't be written: ${(error as Error).message}`, {
        where: file,
        mend: 'check the permissions of the folder and the space on its disk',
      }),
    };
  }
}
