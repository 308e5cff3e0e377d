import { z } from 'zod';

const views = z.array(z.string()).min(1).describe('names of feature views');
const full = z.boolean().optional();
const time = z.string().describe('ISO time');

/** What the workflows that come with asof take. */
export const builtinArgs = {
  dbToOfflineStore: z.strictObject({
    ...{ views, full },
    /** Rows with an event time outside the run's data interval are left out. */
    onlyInterval: z.boolean().optional(),
  }),
  maintainLake: z.strictObject({
    force: z.boolean().optional(),
    snapshots: z.int().min(1).optional(),
    smallFiles: z.int().min(1).optional(),
    every: z.string().describe("a time, e.g. '1 hour'").optional(),
  }),
  materializeOfflineToOnline: z.strictObject({
    ...{ views, full, start: time.optional(), end: time.optional() },
    /** Of a window: later rows stay history; default: the window's end. */
    upTo: time.optional(),
  }),
  streamToStores: z.strictObject({
    view: z.string(),
    untilEnd: z.boolean().optional(),
    acceptGap: z.boolean().optional(),
    consumers: z.int().min(1).optional(),
  }),
  verifyOnlineOffline: z.strictObject({
    views,
    sample: z
      .int()
      .min(1)
      .max(2 ** 31 - 1)
      .optional(),
    seed: z.int().min(0).optional(),
    failOn: z.boolean().optional(),
  }),
  checkFreshness: z.strictObject({ views: views.optional(), failOn: z.boolean().optional() }),
} as const;

export type BuiltinWorkflow = keyof typeof builtinArgs;

export const builtinSchema = (workflow: string): z.ZodType | undefined =>
  Object.hasOwn(builtinArgs, workflow) ? builtinArgs[workflow as BuiltinWorkflow] : undefined;
