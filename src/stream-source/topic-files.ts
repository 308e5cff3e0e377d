import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { DefinitionError, StoreUnavailableError } from '../errors.js';
import { syncPath } from '../lake/parquet-file.js';

/**
 * A topic in files: `<directory>/<topic>/topic.json` and one append-only `<partition>.ndjson` per partition. An event is one line,
 * its offset the byte at which the line begins. Blank lines are no events.
 */
export interface TopicInfo {
  /** Another one when the topic was deleted and created again. */
  readonly id: string;
  readonly partitions: number;
  /** ISO time. */
  readonly createdAt: string;
}

export const topicDirectory = (directory: string, topic: string): string => path.join(directory, checkTopic(topic));

export const partitionFile = (directory: string, topic: string, partition: number): string =>
  path.join(topicDirectory(directory, topic), `${partition}.ndjson`);

/** A topic's name becomes a folder's name, so it must not lead anywhere else. */
function checkTopic(topic: string): string {
  if (/^[A-Za-z0-9._-]{1,200}$/.test(topic) && !/^\.+$/.test(topic)) return topic;
  throw new DefinitionError(`${JSON.stringify(topic)} is not a topic name`, {
    mend: 'use letters, digits, ".", "_" and "-"',
  });
}

/** @throws DefinitionError when there is no such topic or its description can't be read. */
export function readTopic(directory: string, topic: string): TopicInfo {
  const found = findTopic(directory, topic);
  if (found !== undefined) return found;
  throw new DefinitionError(`there is no topic "${topic}"`, {
    where: directory,
    mend: 'send it an event first: asof stream produce <view> --file <parquet>',
  });
}

function findTopic(directory: string, topic: string): TopicInfo | undefined {
  const folder = topicDirectory(directory, topic);
  const file = path.join(folder, 'topic.json');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new StoreUnavailableError(`the topic can't be read: ${(error as Error).message}`, {
        where: file,
        cause: error,
      });
    }
    if (!existsSync(folder)) return undefined;
    throw new DefinitionError('the topic has no topic.json', {
      where: folder,
      mend: 'remove the folder and let the topic be created again',
      cause: error,
    });
  }
  try {
    const info = JSON.parse(text) as TopicInfo;
    if (typeof info.id === 'string' && Number.isInteger(info.partitions) && info.partitions > 0) return info;
  } catch {
    // Said below.
  }
  throw new DefinitionError('the topic.json is damaged', {
    where: file,
    mend: 'restore it, or remove the folder and let the topic be created again',
  });
}

/**
 * The topic, made when it is not there: built under another name and renamed, so that it is there whole or not at all, whoever
 * else creates it at the same time.
 * @param partitions of a new topic (default 1). @throws DefinitionError when an existing one has another number.
 */
export function createTopic(directory: string, topic: string, partitions: number | undefined): TopicInfo {
  if (partitions !== undefined && !(Number.isInteger(partitions) && partitions >= 1)) {
    throw new DefinitionError(`a topic can't have ${partitions} partitions`, { mend: 'give a whole number >= 1' });
  }
  const folder = topicDirectory(directory, topic);
  const info = findTopic(directory, topic) ?? makeTopic(directory, topic, partitions ?? 1, folder);
  if (partitions === undefined || info.partitions === partitions) return info;
  throw new DefinitionError(`topic "${topic}" has ${info.partitions} partitions, not ${partitions}`, {
    where: folder,
    mend: 'leave the number out, or use another topic: keys would move between partitions',
  });
}

function makeTopic(directory: string, topic: string, partitions: number, folder: string): TopicInfo {
  const info: TopicInfo = { id: randomUUID(), partitions, createdAt: new Date().toISOString() };
  const draft = path.join(directory, `.${topic}.${info.id}`);
  try {
    mkdirSync(draft, { recursive: true });
    for (let partition = 0; partition < partitions; partition += 1) {
      closeSync(openSync(path.join(draft, `${partition}.ndjson`), 'a'));
    }
    writeSynced(path.join(draft, 'topic.json'), `${JSON.stringify(info)}\n`);
    syncPath(draft);
    renameSync(draft, folder);
    syncPath(directory);
    return info;
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return readTopic(directory, topic);
    throw new StoreUnavailableError(`the topic can't be created: ${(error as Error).message}`, {
      where: folder,
      mend: 'check that the folder is writable and its disk has space',
      cause: error,
    });
  }
}

function writeSynced(file: string, text: string): void {
  const handle = openSync(file, 'w');
  try {
    writeFileSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
