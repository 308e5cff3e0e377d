import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { encodeSearchAttributeIndexedValueType } from '@temporalio/common/lib/search-attributes.js';
import { msToTs, optionalTsToMs } from '@temporalio/common/lib/time.js';
import { DefinitionError } from '../errors.js';
import { searchAttributeTypes } from './search-attributes.js';
import { toolchain } from './toolchain-limits.js';

export interface NamespaceOptions {
  readonly address: string;
  readonly namespace: string;
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Connects and makes the namespace ready: retention and search attributes, and waits until queries may use them. Does nothing
 * that is done already. @throws what the server answered last when it is not ready by the deadline.
 */
export async function prepareNamespace(options: NamespaceOptions): Promise<void> {
  const giveUpAt = Date.now() + options.deadlineMs;
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      return await prepareOnce(options);
    } catch (error) {
      // A server that has just started answers before its namespace and caches are there.
      if (error instanceof DefinitionError || Date.now() > giveUpAt) throw error;
    }
    // What the loop throws on an abort is the signal's own reason.
    await sleep(100, undefined, { signal: options.signal }).catch(() => undefined);
  }
}

async function prepareOnce(options: NamespaceOptions): Promise<void> {
  const connection = await Connection.connect({ address: options.address, connectTimeout: '2s' });
  try {
    await connection.withDeadline(Date.now() + 10_000, async () => {
      await keepHistories(connection, options);
      await addSearchAttributes(connection, options.namespace);
      await queryAttributes(connection, options.namespace);
    });
  } finally {
    await connection.close();
  }
}

async function keepHistories(connection: Connection, { namespace }: NamespaceOptions): Promise<void> {
  const { config } = await connection.workflowService.describeNamespace({ namespace });
  const wanted = toolchain.retentionHours * 3_600_000;
  if ((optionalTsToMs(config?.workflowExecutionRetentionTtl) ?? 0) >= wanted) return;
  await connection.workflowService.updateNamespace({
    namespace,
    config: { workflowExecutionRetentionTtl: msToTs(wanted) },
  });
}

/** The wire's number of a type; every type of ours has one. */
type IndexedType = NonNullable<ReturnType<typeof encodeSearchAttributeIndexedValueType>>;

/** What a registration did: names of attributes. */
export interface RegisteredAttributes {
  readonly added: readonly string[];
  /** They were there before. */
  readonly found: readonly string[];
}

/**
 * Makes the namespace know the search attributes of asof; queries may take a moment longer to know them.
 * @throws DefinitionError when one is there with another type, and whatever the server refuses with.
 */
export async function addSearchAttributes(connection: Connection, namespace: string): Promise<RegisteredAttributes> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const missing: Record<string, IndexedType> = {};
  for (const [name, type] of Object.entries(searchAttributeTypes)) {
    const wanted = encodeSearchAttributeIndexedValueType(type) as IndexedType;
    const known = customAttributes[name];
    if (known === undefined) missing[name] = wanted;
    else if (known !== wanted) {
      throw new DefinitionError(`the search attribute "${name}" has another type than ${type}`, {
        where: `Temporal namespace ${namespace}`,
        mend: `remove it: temporal operator search-attribute remove --name ${name}`,
      });
    }
  }
  const added = Object.keys(missing);
  const found = Object.keys(searchAttributeTypes).filter((name) => !added.includes(name));
  if (added.length === 0) return { added, found };
  await connection.operatorService.addSearchAttributes({ namespace, searchAttributes: missing });
  return { added, found };
}

/** Known to the operator service is not yet known to queries: asks one that uses all of them. */
export async function queryAttributes(connection: Connection, namespace: string): Promise<void> {
  const query = Object.keys(searchAttributeTypes)
    .map((name) => `${name} IS NULL`)
    .join(' AND ');
  await connection.workflowService.listWorkflowExecutions({ namespace, query, pageSize: 1 });
}
