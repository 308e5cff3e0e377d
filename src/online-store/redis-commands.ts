import { Cluster } from 'ioredis';
import type { RedisClient } from './redis-client.js';
import { tagSlots } from './redis-keys.js';
import type { RedisScript } from './redis-scripts.js';

/** A command on keys of one tag (on one server: of any tags). */
export interface RedisCommand {
  readonly tag: number;
  readonly name: string;
  readonly args: readonly (string | Buffer)[];
  /** Of EVALSHA: what to send where the server does not know the script. */
  readonly script?: RedisScript;
}

/** A script on keys of one tag. */
export const scriptCommand = (
  script: RedisScript,
  tag: number,
  keys: readonly Buffer[],
  args: readonly (string | Buffer)[],
): RedisCommand => ({ tag, name: 'evalsha', args: [script.sha, String(keys.length), ...keys, ...args], script });

/** A reply is a Buffer, a number, null, or a list of them. */
type Answer = readonly [error: Error | null, reply?: unknown];

/** Which scripts are sent by their text: none; the first use of each, by which the server knows it for those that follow; or all. */
const texts = ['none', 'first', 'all'] as const;
type Texts = (typeof texts)[number];

/**
 * Sends commands and gives their replies in order: in one round trip, per node in a Cluster, and one more for scripts that a server
 * has forgotten (it was restarted, flushed or replaced) and for keys that have moved. Scripts on one key are run in the order given.
 * @throws the first error of a command.
 */
export async function sendCommands(client: RedisClient, commands: readonly RedisCommand[]): Promise<unknown[]> {
  const [only] = commands;
  // A request is mostly one command, which needs no pipeline; through a Cluster the driver finds its way.
  if (only !== undefined && only.script === undefined && commands.length === 1) return [await sendAlone(client, only)];
  const replies = new Array<unknown>(commands.length);
  let open: readonly number[] = commands.map((_, index) => index);
  for (const text of texts) {
    if (open.length === 0) break;
    const answers = await Promise.all(
      byNode(client, commands, open).map((own) => pipelined(client, commands, own, text)),
    );
    const forgotten: number[] = [];
    const moved: number[] = [];
    for (const [index, [error, reply]] of answers.flat()) {
      if (error === null) replies[index] = reply;
      else if (/^NOSCRIPT/.test(error.message)) forgotten.push(index);
      else if (isElsewhere(client, error)) moved.push(index);
      else throw error;
    }
    // One by one the driver follows them, through a slot that is just being moved as well.
    await Promise.all(
      moved.map(async (index) => {
        replies[index] = await sendAlone(client, commands[index] as RedisCommand);
      }),
    );
    open = forgotten.sort((a, b) => a - b);
  }
  return replies;
}

/** The commands' indexes by the node that holds their keys. */
function byNode(
  client: RedisClient,
  commands: readonly RedisCommand[],
  indexes: readonly number[],
): (readonly number[])[] {
  if (!(client instanceof Cluster)) return [indexes];
  const groups = new Map<string, number[]>();
  for (const index of indexes) {
    const node = client.slots[tagSlots[(commands[index] as RedisCommand).tag] as number]?.join(';') ?? '';
    const group = groups.get(node);
    if (group === undefined) groups.set(node, [index]);
    else group.push(index);
  }
  return [...groups.values()];
}

async function pipelined(
  client: RedisClient,
  commands: readonly RedisCommand[],
  indexes: readonly number[],
  text: Texts,
): Promise<(readonly [index: number, answer: Answer])[]> {
  const pipeline = client.pipeline();
  const known = new Set<RedisScript>();
  for (const index of indexes) {
    const command = commands[index] as RedisCommand;
    const { script } = command;
    const isKnown = text === 'none' || (text === 'first' && script !== undefined && known.has(script));
    const [name, args] = isKnown ? [command.name, command.args] : textForm(command);
    if (script !== undefined) known.add(script);
    pipeline.callBuffer(name, ...args);
  }
  // In a Cluster the whole is refused when the nodes' slots have just changed.
  const answers = await pipeline.exec().catch((error: Error): Answer[] => indexes.map(() => [error]));
  return indexes.map((index, position) => [index, (answers ?? [])[position] as Answer]);
}

function textForm({ name, args, script }: RedisCommand): [string, readonly (string | Buffer)[]] {
  return script === undefined ? [name, args] : ['eval', [script.text, ...args.slice(1)]];
}

const sendAlone = (client: RedisClient, command: RedisCommand): Promise<unknown> => {
  const [name, args] = textForm(command);
  return client.callBuffer(name, ...args);
};

const isElsewhere = (client: RedisClient, { message }: Error): boolean =>
  client instanceof Cluster && /^(MOVED|ASK|TRYAGAIN) |slots allocation group/.test(message);
