/**
 * What a workflow file of a project imports, as `asof/workflow`: the frame of a pipeline, the built-in steps, proxies of its own
 * steps, and all of Temporal's workflow package.
 */
export * from '@temporalio/workflow';
export { type Proxied, proxySteps, type StepReply, steps } from './activity-proxies.js';
export type { PipelineInput, RunProgress, RunSummary } from './contract.js';
export { type PipelineRun, pipelineRun, type RunOptions } from './run.js';
export { materializeView, publishView } from './views.js';
