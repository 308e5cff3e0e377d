/**
 * A DuckDB in a process of its own, for SQL that others wrote. Some of its functions can neither be interrupted nor kept to a memory
 * limit (a list of a thousand million numbers), so what ends them is the end of the process. One JSON object a line: in `{ sql }`,
 * out `{ rows }` or `{ error }`; the first line in says how much memory the process may take.
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { DuckDBInstance } from '@duckdb/node-api';

const end = () => process.kill(process.pid, 'SIGKILL');
const answer = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
const lines = createInterface({ input: process.stdin });
// Whoever asked is gone.
lines.on('close', end);

let connection;

async function begin({ memoryBytesMax, lookEveryMs, settings }) {
  setInterval(() => {
    if (process.memoryUsage.rss() <= memoryBytesMax) return;
    writeSync(2, 'memory');
    end();
  }, lookEveryMs);
  connection = await (await DuckDBInstance.create(':memory:', settings)).connect();
  return [];
}

const ask = async ({ sql }) => (await connection.runAndReadAll(sql)).getRowObjectsJson();

lines.on('line', (line) => {
  const message = JSON.parse(line);
  (connection === undefined ? begin(message) : ask(message)).then(
    (rows) => answer({ rows }),
    (error) => answer({ error: String(error?.message ?? error) }),
  );
});
