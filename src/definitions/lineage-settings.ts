import { DefinitionError } from '../errors.js';
import { checkFields } from './definition.js';
import { checkSetting, type Setting } from './setting.js';

/** Where events of runs go, as https://openlineage.io describes them. */
export type OpenLineageSettings =
  | {
      /** Of the server; events are posted to `<url>/api/v1/lineage`. */
      readonly url: Setting;
      /** Sent as `Authorization: Bearer …`. */
      readonly apiKey?: Setting;
      /** Of the jobs; default: OPENLINEAGE_NAMESPACE, else the project's name. */
      readonly namespace?: string;
    }
  | {
      /** One event a line is added to it; relative to the project's root. */
      readonly file: string;
      readonly namespace?: string;
    };

export interface LineageSettings {
  readonly openLineage: OpenLineageSettings;
}

/** @throws DefinitionError for a misspelt field, no or both places, or a secret that is written down. */
export function checkLineage(where: string, given: LineageSettings | undefined): void {
  if (given === undefined) return;
  const mend =
    "write lineage: { openLineage: { url: env('OPENLINEAGE_URL') } } or { file: '.asof/openlineage.ndjson' }";
  const { openLineage } = given ?? {};
  if (typeof openLineage !== 'object' || openLineage === null)
    throw new DefinitionError(`lineage is ${JSON.stringify(given)}`, { where, mend });
  checkFields(`${where}, lineage`, given, ['openLineage']);
  checkFields(`${where}, lineage.openLineage`, openLineage, ['url', 'apiKey', 'file', 'namespace']);
  const { url, apiKey, file, namespace } = openLineage as Record<string, unknown>;
  if ((url === undefined) === (file === undefined))
    throw new DefinitionError(`lineage.openLineage has ${url === undefined ? 'neither' : 'both'} url and file`, {
      where,
      mend,
    });
  if (namespace !== undefined && (typeof namespace !== 'string' || namespace === ''))
    throw new DefinitionError('lineage.openLineage.namespace is no text', {
      where,
      mend: "write namespace: 'features'",
    });
  if (file !== undefined) {
    if (typeof file !== 'string' || file === '' || apiKey !== undefined)
      throw new DefinitionError('lineage.openLineage.file is no path of a file, or has an apiKey beside it', {
        where,
        mend,
      });
    return;
  }
  checkSetting(where, 'lineage.openLineage.url', url, 'url');
  if (apiKey !== undefined) checkSetting(where, 'lineage.openLineage.apiKey', apiKey, 'secret');
}
