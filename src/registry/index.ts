export { type EverDeclared, everDeclared } from './ever-declared.js';
export { openLakeRegistry } from './lake-registry.js';
export type { BreakingChange, Change, FieldChange, Plan } from './plan.js';
export type {
  Applied,
  RegisteredView,
  Registry,
  RegistryEntry,
  RegistryMoment,
  RegistryState,
  TeardownCounts,
} from './registry.js';
export {
  type EntitySpec,
  type ObjectKind,
  objectKind,
  objectKinds,
  type PipelineSpec,
  parseTypes,
  type ServiceSpec,
  type SourceSpec,
  type Spec,
  type Types,
  type ViewSpec,
} from './spec.js';
