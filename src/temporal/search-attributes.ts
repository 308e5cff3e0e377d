import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, Connection } from '@temporalio/client';
import { encodeSearchAttributeIndexedValueType } from '@temporalio/common/lib/search-attributes.js';
import type { NativeConnection } from '@temporalio/worker';
import { DefinitionError } from '../index.js';
import { searchAttributeTypes } from '../toolchain/search-attributes.js';
import { addSearchAttributes, queryAttributes, type RegisteredAttributes } from '../toolchain/temporal-namespace.js';
import { grpcCode, isRefused } from './connection-error.js';

const invalidArgument = 3;

/** How long a service may take to tell its own caches of a new attribute. */
const knownWithinMs = 60_000;

/** Name → type, as Temporal's command line tools take them. */
const flagTypes = { KEYWORD: 'Keyword', KEYWORD_LIST: 'KeywordList' } as const;

/**
 * An upsert of an attribute the server does not know wedges a workflow silently, so a worker looks first.
 * @throws DefinitionError with the command that registers what is missing.
 */
export async function checkSearchAttributes(connection: NativeConnection, namespace: string): Promise<void> {
  const missing = await missingAttributes(connection, namespace);
  if (missing.length === 0) return;
  throw new DefinitionError(`the namespace "${namespace}" lacks search attributes: ${missing.join(', ')}`, {
    mend: `run \`asof deploy\`, or, if it may not: ${createCommands(namespace, missing)}`,
  });
}

/**
 * Registers the search attributes and waits until queries know them; does nothing where they are there.
 * @throws DefinitionError when this caller may not, with the command for somebody who may, or when one has another type.
 */
export async function registerSearchAttributes(client: Client): Promise<RegisteredAttributes> {
  const connection = client.connection as Connection;
  const { namespace } = client.options;
  try {
    const registered = await addSearchAttributes(connection, namespace);
    await untilQueried(connection, namespace);
    return registered;
  } catch (error) {
    if (isRefused(error)) return foundOrRefused(connection, namespace);
    throw error;
  }
}

/** Those that queries don't know. */
export const missingSearchAttributes = (client: Client): Promise<string[]> =>
  missingByQuery(client.connection as Connection, client.options.namespace);

/** Who may not register them may still find that all are there. */
async function foundOrRefused(connection: Connection, namespace: string): Promise<RegisteredAttributes> {
  const missing = await missingByQuery(connection, namespace);
  if (missing.length === 0) return { added: [], found: Object.keys(searchAttributeTypes) };
  throw new DefinitionError(
    `the service does not let this caller register search attributes; missing: ${missing.join(', ')}`,
    { where: `Temporal namespace ${namespace}`, mend: createCommands(namespace, missing) },
  );
}

async function untilQueried(connection: Connection, namespace: string): Promise<void> {
  for (const giveUpAt = Date.now() + knownWithinMs; ; await sleep(500)) {
    try {
      await queryAttributes(connection, namespace);
      return;
    } catch (error) {
      if (grpcCode(error) !== invalidArgument || Date.now() > giveUpAt) throw error;
    }
  }
}

async function missingAttributes(connection: NativeConnection, namespace: string): Promise<string[]> {
  try {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    return Object.entries(searchAttributeTypes)
      .filter(([name, type]) => customAttributes?.[name] !== encodeSearchAttributeIndexedValueType(type))
      .map(([name]) => name);
  } catch (error) {
    if (!isRefused(error)) throw error;
    return missingByQuery(connection, namespace);
  }
}

/** Temporal Cloud has no operator service for applications; what a query may name is registered. */
async function missingByQuery(connection: Connection | NativeConnection, namespace: string): Promise<string[]> {
  const missing: string[] = [];
  for (const name of Object.keys(searchAttributeTypes)) {
    try {
      await connection.workflowService.countWorkflowExecutions({ namespace, query: `${name} IS NULL` });
    } catch (error) {
      if (grpcCode(error) !== invalidArgument) throw error;
      missing.push(name);
    }
  }
  return missing;
}

/** For a service of one's own, and for Temporal Cloud, which has a tool of its own for it. */
function createCommands(namespace: string, names: readonly string[]): string {
  const typed = names.map((name) => [name, flagTypes[searchAttributeTypes[name as keyof typeof searchAttributeTypes]]]);
  const flags = typed.map(([name, type]) => `--name ${name} --type ${type}`).join(' ');
  const cloudFlags = typed.map(([name, type]) => `--search-attribute "${name}=${type}"`).join(' ');
  return [
    `temporal operator search-attribute create --namespace ${namespace} ${flags}`,
    `    (Temporal Cloud: tcld namespace search-attributes add --namespace ${namespace} ${cloudFlags})`,
  ].join('\n');
}
