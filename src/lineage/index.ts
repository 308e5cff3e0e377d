export type { Detail, LineageEdge, LineageGraph, LineageNode, NodeKind } from './graph.js';
export { type LineageContext, type LineageRequest, lineageOf } from './lineage.js';
