import type { ChildProcess } from 'node:child_process';
import type { Client } from '@temporalio/client';
import { killWorker, spawnWorker, stopWorker } from './temporal.js';

/** Few enough steps at once for several consumers to be on several workers, and enough for them to move. */
const slots = 2;

/** Several worker processes of one project, which are killed, leave and come back. */
export class WorkerFleet {
  readonly #repo: string;
  readonly #address: string;
  readonly #workers = new Set<ChildProcess>();

  constructor(repo: string, address: string) {
    this.#repo = repo;
    this.#address = address;
  }

  async join(): Promise<void> {
    this.#workers.add(await spawnWorker(this.#repo, this.#address, slots));
  }

  /**
   * Takes workers away that are at work on a workflow's steps; with SIGKILL in the middle of whatever they do, else they hand back
   * what they have in flight. @returns how many.
   */
  async lose(client: Client, workflowId: string, wanted: number, how: 'kill' | 'leave'): Promise<number> {
    const { raw } = await client.workflow.getHandle(workflowId).describe();
    // A step that waits for a worker names the one it was on before.
    const busy = new Set(raw.pendingActivities?.map(({ lastWorkerIdentity }) => lastWorkerIdentity?.split('@')[0]));
    const isBusy = ({ pid }: ChildProcess): boolean => busy.has(String(pid));
    const victims = [...this.#workers].sort((a, b) => Number(isBusy(b)) - Number(isBusy(a))).slice(0, wanted);
    for (const victim of victims) this.#workers.delete(victim);
    await Promise.all(victims.map((victim) => (how === 'kill' ? killWorker(victim) : stopWorker(victim))));
    return victims.length;
  }

  async stop(): Promise<void> {
    const workers = [...this.#workers];
    this.#workers.clear();
    await Promise.all(workers.map(stopWorker));
  }
}
