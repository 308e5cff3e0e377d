import type { NativeConnection } from '@temporalio/worker';
import { DefinitionError } from '../index.js';

/** Name → type, as the Temporal CLI takes them. */
export const searchAttributes = {
  AsofPipeline: 'Keyword',
  AsofInterval: 'Keyword',
  AsofQuality: 'Keyword',
  AsofViews: 'KeywordList',
  AsofTags: 'KeywordList',
} as const;

/**
 * An upsert of an attribute the server does not know wedges a workflow silently, so a worker looks first.
 * @throws DefinitionError with the command that registers what is missing.
 */
export async function checkSearchAttributes(connection: NativeConnection, namespace: string): Promise<void> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const missing = Object.entries(searchAttributes).filter(([name]) => customAttributes?.[name] === undefined);
  if (missing.length === 0) return;
  const flags = missing.map(([name, type]) => `--name ${name} --type ${type}`).join(' ');
  throw new DefinitionError(
    `the namespace "${namespace}" lacks search attributes: ${missing.map(([n]) => n).join(', ')}`,
    {
      mend: `temporal operator search-attribute create --namespace ${namespace} ${flags}`,
    },
  );
}
