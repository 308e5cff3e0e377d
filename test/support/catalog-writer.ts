/**
 * A process of its own that writes to a lake, as a worker of another host would:
 * `{ stateDir, catalog, me, rounds }` as JSON on its command line. Each round is one transaction that appends rows to the table all
 * writers share, updates its own head row, and, every third, the head row of all. Prints a line of JSON at its end.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreUnavailableError } from '../../src/errors.js';
import { type CatalogOptions, Lake } from '../../src/lake/index.js';

export interface WriterTask {
  readonly stateDir: string;
  readonly catalog: CatalogOptions;
  readonly me: number;
  readonly rounds: number;
}

export interface WriterResult {
  readonly committed: number;
  /** How often the work of a transaction began. */
  readonly attempts: number;
  /** Times the catalog was away. */
  readonly away: number;
  readonly ms: number;
}

const { stateDir, catalog, me, rounds } = JSON.parse(process.argv[2] ?? '') as WriterTask;
let attempts = 0;
let away = 0;

/** Does it again while the catalog is away. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      away += 1;
      await sleep(100);
    }
  }
}

const lake = await patiently(() => Lake.open({ stateDir, project: 'test', catalog }));
const began = Date.now();
for (let round = 0; round < rounds; round += 1) {
  await patiently(() =>
    lake.transaction({ message: `round ${round} of ${me}` }, async (session) => {
      attempts += 1;
      const [head] = await session.all<{ n: number }>(`SELECT n FROM ${lake.table(`head_${me}`)}`);
      // Committed before, and only the answer was lost.
      if (head?.n !== round) return;
      await session.run(`INSERT INTO ${lake.table('rows')} SELECT ${me}, ${round}, range FROM range(20)`);
      await session.run(`UPDATE ${lake.table(`head_${me}`)} SET n = n + 1`);
      if (round % 3 === 0) await session.run(`UPDATE ${lake.table('head')} SET n = n + 1`);
    }),
  );
}
console.log(JSON.stringify({ committed: rounds, attempts, away, ms: Date.now() - began } satisfies WriterResult));
lake.close();
