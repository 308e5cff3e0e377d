/** Starts a pipeline with nothing but Temporal's own client: node --import tsx examples/start-workflow.ts <address> */
import { Client, Connection } from '@temporalio/client';

const address = process.argv[2] ?? process.env['TEMPORAL_ADDRESS'] ?? 'localhost:7233';
const connection = await Connection.connect({ address });
const client = new Client({ connection });

const handle = await client.workflow.start('dbToOfflineStore', {
  taskQueue: 'asof-drivers', // asof-<project>
  workflowId: `drivers/db_to_offline_store/${new Date().toISOString()}`,
  args: [{ pipeline: 'db_to_offline_store', args: { views: ['driver_stats'] } }],
});
console.log('started', handle.workflowId);
const { status, published, steps } = (await handle.result()) as { status: string; published: number; steps: object[] };
console.log(status, `${published} rows published`);
console.table(steps);
await connection.close();
