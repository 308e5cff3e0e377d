import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { OpenLineageEvent } from '../../src/index.js';

const folder = fileURLToPath(new URL('../open-lineage/', import.meta.url));
const read = (name: string): { $id: string; properties?: Record<string, unknown> } =>
  JSON.parse(readFileSync(`${folder}${name}`, 'utf8'));

const ajv = new Ajv2020({ strict: false, allErrors: true });
(addFormats as unknown as (into: Ajv2020) => void)(ajv);
const event = read('OpenLineage.json');
ajv.addSchema(event);
for (const file of readdirSync(`${folder}facets`)) ajv.addSchema(read(`facets/${file}`));

/** What is wrong with an event by the published schemas: of the event, and of each facet by the one it names. Empty = nothing. */
export function openLineageFaults(given: OpenLineageEvent): string[] {
  const faults = check(event.$id, given, '');
  const facetsOf: [string, Readonly<Record<string, unknown>> | undefined][] = [
    ['run', given.run.facets],
    ['job', given.job.facets],
    ...[...given.inputs, ...given.outputs].flatMap(
      (dataset): [string, Readonly<Record<string, unknown>> | undefined][] => [
        [dataset.name, dataset.facets],
        [dataset.name, dataset.inputFacets],
        [dataset.name, dataset.outputFacets],
      ],
    ),
  ];
  for (const [where, facets] of facetsOf) {
    for (const [key, facet] of Object.entries(facets ?? {})) {
      const [schema = ''] = String((facet as { _schemaURL?: string })._schemaURL).split('#');
      // The schema of a facet also says under which key it stands.
      if (read(`facets/${schema.split('/').at(-1)}`).properties?.[key] === undefined)
        faults.push(`${where}: no key ${key} in ${schema}`);
      faults.push(...check(schema, { [key]: facet }, `${where}.${key}`));
    }
  }
  return faults;
}

function check(schema: string, value: unknown, where: string): string[] {
  const validate = ajv.getSchema(schema);
  if (validate === undefined) return [`${where}: there is no schema ${schema}`];
  return validate(value) === true
    ? []
    : (validate.errors ?? []).map(({ instancePath, message }) => `${where}${instancePath} ${message}`);
}
