import { existsSync, readFileSync } from 'node:fs';

/** Of asof: its package.json is one folder up in a checkout, two in a release. */
export function asofVersion(): string {
  const file = ['../package.json', '../../package.json']
    .map((place) => new URL(place, import.meta.url))
    .find((place) => existsSync(place));
  return file === undefined ? 'unknown' : (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
