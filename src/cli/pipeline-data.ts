import { type FeatureStore, type Pipeline, StoreUnavailableError, type ViewFreshness } from '../index.js';

/** The views a pipeline works on by its definition. */
export function pipelineViews({ args: { view, views = view === undefined ? [] : [view] } }: Pipeline): string[] {
  return Array.isArray(views) ? views.filter((name): name is string => typeof name === 'string') : [];
}

/**
 * How new the data of views is. Views that are not applied have none, and are left out.
 * @returns why it is not known, when the online store does not answer.
 */
export async function freshnessOf(
  store: FeatureStore,
  views: readonly string[],
): Promise<ReadonlyMap<string, ViewFreshness> | string> {
  const { views: applied } = await store.state();
  try {
    const found = await store.freshness(views.filter((view) => applied.has(view)));
    return new Map(found.map((one) => [one.view, one]));
  } catch (error) {
    if (error instanceof StoreUnavailableError) return error.message;
    throw error;
  }
}
