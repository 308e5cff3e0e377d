import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { lit, systemSchema } from '../../src/lake/index.js';
import type { Definitions, TestStore } from './store.js';

export const canary = 'canary-7f3a9c51';
/** A number, so that messages about numbers are seen as well. */
export const number = 47_114_711_903;
/** In no column under a rule: what finds the canary must find this. */
export const marker = 'marker-51c9a3f7';
/** What of personal values must be nowhere: as they are, and in the ways files hold them. */
export const traces = [
  canary,
  // What the numbers of all rows begin with.
  String(number).slice(0, 7),
  Buffer.from(canary).toString('hex'),
  Buffer.from(canary).toString('base64').slice(0, 18),
];

const rules = "{ user_id: 'hash', phone: 'hash', ssn: 'hash', name: 'mask', mail: 'drop' }";
const fileSource = (name: string): string =>
  `fileSource({ name: '${name}_file', path: 'data/${name}.ndjson', timestampField: 'at', createdTimestampField: 'made', pii: ${rules} })`;
const features = 'phone: string(), ssn: string(), name: string(), b: string(), a: int32()';
/** Sources and views with a rule of each kind, and events that may be late. */
export const personal: Definitions = {
  keys: 'user_id: string()',
  features,
  streamFeatures: features,
  expect: `[asof.between('a', 0, 10, { severity: 'quarantine' }), asof.notNull('b'), asof.matches('phone', 'x{99}', { severity: 'warn' }), asof.unique(['phone'], { severity: 'warn' })]`,
  view: `source: ${fileSource('stats')}`,
  event:
    'user_id: int64(), phone: string(), ssn: int64(), name: nullable(string()), mail: nullable(string()), a: int32(), b: string()',
  source: `pii: ${rules}, watermark: '1 hour', batchSource: ${fileSource('scores')}`,
  stream: "late: 'dead_letter'",
  transform: `(event: any, context: any) => {
    if (event.a === 99) throw new Error('no good: ' + JSON.stringify(event) + String(context.key) + JSON.stringify(context.headers));
    return { ...event, b: event.b + String(context.key) };
  }`,
};

const minute = (n: number): string => new Date(Date.UTC(2024, 0, 1, 0, n)).toISOString();
/** A row or an event that holds canaries, `n` minutes into the day. */
export const row = (n: number, over: object = {}) => ({
  user_id: number + n,
  at: minute(n),
  made: minute(n),
  phone: `${canary}-${n}`,
  ssn: number * 10 + n,
  name: canary,
  mail: `${canary}@example.com`,
  a: n,
  b: marker,
  ...over,
});

/** Everything asof keeps: bytes of all files, values of Parquet files and of tables. */
export async function kept(t: TestStore): Promise<Map<string, string>> {
  const files = readdirSync(t.stateDir, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  const found = new Map<string, string>();
  const { lake } = t.store;
  for (const { parentPath, name } of files) {
    const file = path.join(parentPath, name);
    found.set(`bytes of ${file}`, readFileSync(file).toString('latin1'));
    if (!name.endsWith('.parquet')) continue;
    const rows = await lake.all(`SELECT to_json(r)::VARCHAR AS r FROM read_parquet(${lit(file)}) AS r`);
    found.set(`values of ${file}`, JSON.stringify(rows));
  }
  const tables = await lake.all<{ name: string }>(
    `SELECT format('"{}"."{}"."{}"', database_name, schema_name, table_name) AS name FROM duckdb_tables() WHERE schema_name IN ($1, $2)`,
    [lake.project, systemSchema(lake.project)],
  );
  for (const { name } of tables) {
    const rows = await lake.all(`SELECT to_json(r)::VARCHAR AS r FROM ${name} AS r`);
    found.set(`table ${name}`, JSON.stringify(rows));
  }
  return found;
}
/** The places that hold a text. */
export const holders = (found: ReadonlyMap<string, string>, text: string): string[] =>
  [...found].filter(([, content]) => content.includes(text)).map(([place]) => place);
