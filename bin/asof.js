#!/usr/bin/env node
// DuckDB statements, DNS, files and LMDB share libuv's pool, whose default of 4 threads a few queries fill up; its size is
// read once, before the first use, so it is set here, before anything else loads.
process.env.UV_THREADPOOL_SIZE ??= '16';

const { existsSync } = await import('node:fs');
if (existsSync(new URL('../src/cli/main.ts', import.meta.url))) {
  const { register } = await import('tsx/esm/api');
  register();
  await import('../src/cli/main.ts');
} else {
  await import('../dist/src/cli/main.js');
}
