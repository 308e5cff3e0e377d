import { Cluster, type Redis } from 'ioredis';
import { limits } from '../config.js';
import { type AsofError, DefinitionError, StoreUnavailableError } from '../errors.js';
import { type RedisClient, redisClient } from './redis-client.js';
import { type RedisCommand, sendCommands } from './redis-commands.js';
import { redisFailure, saidBy } from './redis-errors.js';
import { findObstacle } from './redis-probe.js';
import { checkServer, checkWritable, parseInfo, type RedisInfo } from './redis-server.js';
import type { RedisTarget } from './redis-settings.js';

export interface RedisConnectionOptions {
  /** Whether it is for writing: then a server that can't keep what is written is refused. */
  readonly writes: boolean;
  /** After this long without an answer an operation fails. */
  readonly timeoutMs: number;
  /** What an operation that took too long can be mended by. */
  readonly timeoutMend: string;
}

/**
 * One connection to a server, or one to each node of a Cluster: made when first used, checked each time it was made, and made again
 * by itself when it broke. While there is none, operations fail at once with the reason.
 */
export class RedisConnection {
  readonly target: RedisTarget;
  readonly #options: RedisConnectionOptions;
  #client: RedisClient | undefined;
  /** Of the client as it is connected now. */
  #checking: Promise<void> | undefined;
  /** The client while it is connected and fits. */
  #checked: RedisClient | undefined;
  /** Why it is not connected, as far as was told. */
  #problem: unknown;
  #wrongDatabase: unknown;
  #obstacle: { readonly at: number; readonly found: Promise<AsofError | undefined> } | undefined;
  #closed = false;

  constructor(target: RedisTarget, options: RedisConnectionOptions) {
    this.target = target;
    this.#options = options;
  }

  get isCluster(): boolean {
    return this.target.type === 'cluster';
  }

  /**
   * Does something with the connected and checked client, within the time allowed.
   * @throws what redis-errors.ts makes of errors; StoreUnavailableError when it takes too long.
   */
  async use<T>(work: (client: RedisClient) => Promise<T>): Promise<T> {
    try {
      return await this.#inTime(work);
    } catch (error) {
      throw await this.#explained(redisFailure(error, this.target.where));
    }
  }

  /** The replies in order (see redis-commands.ts). */
  send(commands: readonly RedisCommand[]): Promise<unknown[]> {
    return commands.length === 0 ? Promise.resolve([]) : this.use((client) => sendCommands(client, commands));
  }

  /** One client per server that holds keys of its own. */
  masters(): Promise<Redis[]> {
    return this.use(async (client) => mastersOf(client));
  }

  onMasters<T>(work: (node: Redis) => Promise<T>): Promise<T[]> {
    return this.use((client) => Promise.all(mastersOf(client).map(work)));
  }

  close(): void {
    this.#closed = true;
    this.#checked = undefined;
    this.#client?.disconnect();
    this.#client = undefined;
  }

  #inTime<T>(work: (client: RedisClient) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(this.#timedOut()), this.#options.timeoutMs);
      const client = this.#client;
      const done = client !== undefined && client === this.#checked ? work(client) : this.#ready().then(work);
      done.then(
        (result) => {
          clearTimeout(timer);
          resolve(result);
        },
        (error: unknown) => {
          clearTimeout(timer);
          reject(error);
        },
      );
    });
  }

  async #ready(): Promise<RedisClient> {
    if (this.#closed) {
      throw new StoreUnavailableError('the online store was closed', {
        where: this.target.where,
        mend: 'open it again',
      });
    }
    const client = this.#client === undefined || this.#client.status === 'end' ? this.#start() : this.#client;
    if (client.status !== 'ready') await this.#connected(client);
    this.#checking ??= this.#check(client);
    await this.#checking;
    if (client === this.#client && client.status === 'ready') this.#checked = client;
    return client;
  }

  #start(): RedisClient {
    const client = redisClient(this.target);
    this.#client = client;
    this.#checking = undefined;
    client.on('error', (error: unknown) => this.#note(error));
    client.on('node error', (error: unknown) => this.#note(error));
    const connectedAnew = (): void => {
      this.#checking = undefined;
      this.#checked = undefined;
      this.#wrongDatabase = undefined;
    };
    client.on('close', connectedAnew);
    client.on('ready', () => {
      this.#problem = undefined;
    });
    client.connect().catch((error: unknown) => {
      this.#problem ??= error;
    });
    return client;
  }

  #note(error: unknown): void {
    this.#problem = error;
    // The driver goes on in database 0 when the one asked for can't be had.
    if ((error as { command?: { name?: string } }).command?.name === 'select') this.#wrongDatabase = error;
  }

  /** Waits for a connection that is being made; what failed before is told at once. */
  async #connected(client: RedisClient): Promise<void> {
    if (client.status === 'reconnecting') throw this.#unreachable();
    await new Promise<void>((resolve, reject) => {
      const events = ['ready', 'close', 'end', 'reconnecting'] as const;
      const heard = (): void => {
        for (const event of events) client.off(event, heard);
        if (client.status === 'ready') resolve();
        else reject(this.#unreachable());
      };
      for (const event of events) client.on(event, heard);
    });
  }

  async #check(client: RedisClient): Promise<void> {
    try {
      if (this.#wrongDatabase !== undefined) throw redisFailure(this.#wrongDatabase, this.target.where);
      const { where } = this.target;
      for (const info of await serverInfos(client, this.#options.writes)) {
        checkServer(info, where, { cluster: this.isCluster });
        if (this.#options.writes) checkWritable(info, where);
      }
    } catch (error) {
      // Looked at anew by the next operation, on a new connection where this one is of no use.
      if (this.#client === client) this.#checking = undefined;
      if (this.#wrongDatabase !== undefined) client.disconnect(true);
      throw error;
    }
  }

  #unreachable(): Error {
    return redisFailure(this.#problem ?? new Error(closedText), this.target.where);
  }

  /** Where no connection came about for a reason that could be anything, the port is looked at, once in a while. */
  async #explained(failure: AsofError): Promise<AsofError> {
    if (this.#closed || this.#client?.status === 'ready' || failure instanceof DefinitionError) return failure;
    if (!/broke off|Connection is closed|ECONNRESET|EPIPE|ETIMEDOUT|timeout|did not answer/.test(failure.message))
      return failure;
    if (this.#obstacle === undefined || Date.now() - this.#obstacle.at > limits.redisReconnectDelayMaxMs) {
      this.#obstacle = { at: Date.now(), found: findObstacle(this.target) };
    }
    return (await this.#obstacle.found) ?? failure;
  }

  #timedOut(): Error {
    const because = this.#problem === undefined ? '' : ` (${saidBy(this.#problem)})`;
    return new StoreUnavailableError(`it did not answer within ${this.#options.timeoutMs} ms${because}`, {
      where: this.target.where,
      mend: this.#options.timeoutMend,
    });
  }
}

/** What the driver says when it knows no more. */
const closedText = 'Connection is closed.';

const mastersOf = (client: RedisClient): Redis[] => (client instanceof Cluster ? client.nodes('master') : [client]);

/**
 * What the masters say of themselves.
 * @param ofAll whether each must answer; reading goes on with those of a Cluster that do.
 */
async function serverInfos(client: RedisClient, ofAll: boolean): Promise<RedisInfo[]> {
  const answers = await Promise.allSettled(mastersOf(client).map((node) => node.info()));
  const infos = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [parseInfo(answer.value)] : []));
  for (const answer of answers) {
    if (answer.status === 'rejected' && (ofAll || infos.length === 0)) throw answer.reason;
  }
  return infos;
}
