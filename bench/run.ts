import { readdirSync } from 'node:fs';
import os from 'node:os';
import { parseArgs } from 'node:util';

/** What every benchmark file exports. */
export interface Bench {
  /** Prints its figures; throws when answers differ or a wanted ratio is missed. `quick`: small sizes, to see that it runs. */
  run(options: { readonly quick: boolean }): Promise<void>;
}

/** `npm run bench [-- --quick] [name …]`: the named benchmarks, or all files beside this one. */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false } },
});
const known = readdirSync(import.meta.dirname ?? new URL('.', import.meta.url))
  .filter((file) => file.endsWith('.ts') && file !== 'run.ts')
  .map((file) => file.slice(0, -'.ts'.length));
const unknown = positionals.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`no benchmark is called ${unknown.join(', ')}; there are ${known.join(', ')}`);
  process.exit(1);
}

const [cpu] = os.cpus();
console.log(
  `${os.availableParallelism()} cores (${cpu?.model.trim()}), ${Math.round(os.totalmem() / 1024 ** 3)} GB, Node ${process.version}, load ${os.loadavg()[0]?.toFixed(1)}`,
);
let failed = false;
for (const name of positionals.length === 0 ? known : positionals) {
  console.log(`\n# ${name}`);
  try {
    const bench = (await import(`./${name}.ts`)) as Bench;
    await bench.run({ quick: values.quick });
  } catch (error) {
    failed = true;
    console.error(error instanceof Error ? `failed: ${error.message}` : error);
  }
}
process.exit(failed ? 1 : 0);
