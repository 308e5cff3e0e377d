import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Lake } from '../../src/lake/index.js';
import { builtProgram } from './build.js';
import type { WriterResult, WriterTask } from './catalog-writer.js';

/** The tables that {@link startWriter}s write. */
export async function createWriterTables(lake: Lake, writers: number): Promise<void> {
  await lake.transaction({ message: 'tables' }, async (session) => {
    await session.run(`CREATE TABLE ${lake.table('rows')} (writer INTEGER, round INTEGER, i BIGINT)`);
    for (const head of ['head', ...Array.from({ length: writers }, (_, me) => `head_${me}`)]) {
      await session.run(`CREATE TABLE ${lake.table(head)} (n INTEGER)`);
      await session.run(`INSERT INTO ${lake.table(head)} VALUES (0)`);
    }
  });
}

/** A process that writes; `result` rejects with what it printed when it fails. */
export function startWriter(task: WriterTask): { child: ChildProcess; result: Promise<WriterResult> } {
  const script = builtProgram('test/support/catalog-writer.ts');
  const child = spawn(process.execPath, [script, JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (out += chunk.toString()));
  const result = once(child, 'close').then(([code]) => {
    if (code !== 0) throw new Error(`writer ${task.me} ended with ${code}: ${out}`);
    return JSON.parse(out.trim().split('\n').at(-1) ?? '') as WriterResult;
  });
  return { child, result };
}

/** What is there: of each writer and round how many rows, and the heads. */
export async function written(
  lake: Lake,
  writers: number,
): Promise<{ rounds: number[]; doubled: number; head: number }> {
  const rounds = await lake.all<{ writer: number; rounds: number; doubled: number }>(
    `SELECT writer, count(*)::INTEGER AS rounds, count(*) FILTER (n <> 20)::INTEGER AS doubled
     FROM (SELECT writer, round, count(*) AS n FROM ${lake.table('rows')} GROUP BY ALL) GROUP BY writer ORDER BY writer`,
  );
  for (const { writer, rounds: found } of rounds) {
    const own = await lake.one<{ n: number }>(`SELECT n FROM ${lake.table(`head_${writer}`)}`);
    if (own?.n !== found) throw new Error(`writer ${writer}: its head says ${own?.n}, there are ${found} rounds`);
  }
  const head = await lake.one<{ n: number }>(`SELECT n FROM ${lake.table('head')}`);
  if (rounds.length !== writers) throw new Error(`${rounds.length} of ${writers} writers wrote`);
  return {
    rounds: rounds.map((row) => row.rounds),
    doubled: rounds.reduce((sum, row) => sum + row.doubled, 0),
    head: head?.n ?? -1,
  };
}
