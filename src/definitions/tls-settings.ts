import { DefinitionError } from '../errors.js';
import { checkFields } from './definition.js';
import { checkSetting, type Setting } from './setting.js';

/** Files (PEM) of a TLS connection; certificates of the system's authorities are trusted unless `ca` says otherwise. */
export interface TlsSettings {
  /** Whom to trust. */
  readonly ca?: Setting;
  /** Who we are, where the server asks. */
  readonly cert?: Setting;
  readonly key?: Setting;
  /** The name the server's certificate must hold, where it is not the host's. */
  readonly serverName?: Setting;
}

export function checkTls(where: string, field: string, tls: unknown): void {
  if (tls === undefined || typeof tls === 'boolean') return;
  if (typeof tls !== 'object' || tls === null) {
    throw new DefinitionError(`${field} is neither true nor settings`, { where, mend: `write ${field}: true` });
  }
  checkFields(`${where}, ${field}`, tls, ['ca', 'cert', 'key', 'serverName']);
  for (const [name, value] of Object.entries(tls)) checkSetting(where, `${field}.${name}`, value, 'text');
  const { cert, key } = tls as TlsSettings;
  if ((cert === undefined) !== (key === undefined)) {
    throw new DefinitionError(`${field} has only one of cert and key`, { where, mend: 'give both or none' });
  }
}
