import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import { openFeatureStore } from '../../src/index.js';
import { failureReason, startPipeline } from '../../src/temporal/index.js';
import type { RunSummary } from '../../workflows/lib/contract.js';
import type { StreamState } from '../../workflows/stream-to-stores.js';
import { type ProofEvent, proofEvents } from './proof-events.js';
import { type Outcome, outcomeOf, proofProject } from './proof-project.js';
import { seededRandom } from './seeded-random.js';
import { startKafka, type TestServer } from './services.js';
import type { TestTemporal } from './temporal.js';
import { WorkerFleet } from './worker-fleet.js';

export type Trouble = 'kill one' | 'kill two' | 'leave and join' | 'stop the broker' | 'kill the broker' | 'pause';

export interface Proof extends Outcome {
  /** The end of the run that was disturbed. */
  readonly state: StreamState;
  readonly summary: RunSummary;
  /** Of a second run to the end of the topic: it has nothing to do. */
  readonly again: RunSummary;
}

const workers = 3;
const partitions = 4;
const topic = 'proof';

/**
 * Sends a seed's events to a broker while three workers consume them and one trouble after the other befalls both; waits until all
 * is read, ends the run, and looks at both stores.
 */
export async function prove(
  temporal: TestTemporal,
  { seed, count, troubles }: { seed: number; count: number; troubles: readonly Trouble[] },
): Promise<Proof> {
  const events = proofEvents(seed, count);
  const broker = await startKafka({ 'message.max.bytes': String(4 * 1024 * 1024) });
  const brokers = `127.0.0.1:${broker.port}`;
  const project = proofProject(brokers, topic);
  const fleet = new WorkerFleet(project.repo, temporal.address);
  const sender = await Sender.open(brokers, events);
  const store = await openFeatureStore(project.repo);
  try {
    await store.apply();
    // One after the other: the first one bundles the workflows for all.
    for (let worker = 0; worker < workers; worker += 1) await fleet.join();
    const pipeline = store.repo.pipelines.get('stream');
    if (pipeline === undefined) throw new Error('no pipeline');
    const { handle, workflowId } = await startPipeline(temporal.client, { project: store.project, pipeline });
    const steer = (signal: 'pause' | 'resume' | 'stop'): Promise<void> => handle.signal(signal);
    // It must not end before it is told to; whatever waits meanwhile ends with it.
    let isStopped = false;
    const over = handle.result().then(
      () => 'it completed',
      (error: unknown) => failureReason(error),
    );
    const early = over.then((reason) => {
      if (!isStopped) throw new Error(`the run is over: ${reason}`);
    });
    const whileRunning = (work: Promise<unknown>): Promise<unknown> => Promise.race([work, early.then(() => work)]);

    const random = seededRandom(seed + 1);
    const portion = Math.ceil(count / (troubles.length + 1));
    await sender.send(portion);
    for (const trouble of troubles) {
      await sleep(random() * 2_000);
      const isBroker = trouble.endsWith('broker');
      const lose = async (wanted: number, how: 'kill' | 'leave'): Promise<void> => {
        const lost = await fleet.lose(temporal.client, workflowId, wanted, how);
        await sleep(random() * 3_000);
        for (let worker = 0; worker < lost; worker += 1) await fleet.join();
      };
      const done = make(trouble, { lose, broker: broker.server, steer, random });
      // Nobody can send to a broker that is away; what it has is being read when it goes.
      if (isBroker) await whileRunning(done);
      await whileRunning(Promise.all([done, sender.send(portion)]));
    }

    while ((await store.steps.eventTotals('scores')).read < count) await whileRunning(sleep(500));
    isStopped = true;
    await steer('stop');
    const summary = (await handle.result()) as RunSummary;
    const state = await handle.query<StreamState>('stream');
    const { handle: second } = await startPipeline(temporal.client, {
      ...{ project: store.project, pipeline },
      args: { untilEnd: true },
    });
    const again = (await second.result()) as RunSummary;
    return { ...(await outcomeOf(store, events)), state, summary, again };
  } finally {
    await fleet.stop();
    await sender.close();
    await store.close();
    await broker.close();
    project.close();
  }
}

interface Means {
  readonly broker: TestServer['server'];
  readonly random: () => number;
  /** Takes workers away and brings as many new ones. */
  lose(wanted: number, how: 'kill' | 'leave'): Promise<void>;
  steer(signal: 'pause' | 'resume'): Promise<void>;
}

async function make(trouble: Trouble, { broker, random, lose, steer }: Means): Promise<void> {
  const awayMs = random() * 3_000;
  switch (trouble) {
    case 'kill one':
      return lose(1, 'kill');
    case 'kill two':
      return lose(2, 'kill');
    case 'leave and join':
      return lose(1, 'leave');
    case 'stop the broker':
    case 'kill the broker':
      await (trouble === 'stop the broker' ? broker.stop() : broker.kill());
      await sleep(awayMs);
      await broker.start();
      return;
    case 'pause':
      await steer('pause');
      await sleep(awayMs);
      await steer('resume');
  }
}

/** Sends the events in their order, each to its partition, each once: offsets are the same in every run. */
class Sender {
  readonly #producer: kafkajs.Producer;
  readonly #events: readonly ProofEvent[];
  #sent = 0;

  private constructor(producer: kafkajs.Producer, events: readonly ProofEvent[]) {
    this.#producer = producer;
    this.#events = events;
  }

  static async open(brokers: string, events: readonly ProofEvent[]): Promise<Sender> {
    const { Kafka, logLevel } = kafkajs;
    const client = new Kafka({ clientId: 'proof', brokers: [brokers], logLevel: logLevel.NOTHING });
    const admin = client.admin();
    await admin.connect();
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: partitions }] });
    await admin.disconnect();
    const producer = client.producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    return new Sender(producer, events);
  }

  /** The next so many events, in pieces, as they come from a live system. */
  async send(count: number): Promise<void> {
    const until = Math.min(this.#events.length, this.#sent + count);
    while (this.#sent < until) {
      const piece = this.#events.slice(this.#sent, Math.min(until, this.#sent + 500));
      const messages = piece.map(({ partition, key, value }) => ({ partition, key, value }));
      await this.#producer.send({ topic, acks: -1, messages });
      this.#sent += piece.length;
      await sleep(20);
    }
  }

  close(): Promise<void> {
    return this.#producer.disconnect();
  }
}
