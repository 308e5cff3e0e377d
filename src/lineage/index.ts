export type { Detail, LineageEdge, LineageGraph, LineageNode, NodeKind } from './graph.js';
export { type LineageContext, type LineageRequest, lineageOf } from './lineage.js';
export { tellMaterialize } from './open-lineage/by-hand.js';
export type { EventType, RunEvent as OpenLineageEvent } from './open-lineage/facets.js';
export { openLineageEvent } from './open-lineage/run-event.js';
export { emitsOpenLineage, sendOpenLineage } from './open-lineage/target.js';
