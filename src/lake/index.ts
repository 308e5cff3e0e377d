export { type CatalogOptions, catalog } from './catalog.js';
export { firstLine } from './first-line.js';
export { Lake, type LakeOptions } from './lake.js';
export { Session, type SqlRow, type SqlValue, type StatementOptions } from './session.js';
export { shownPath } from './shown-path.js';
export { id, ids, lit, tempTable } from './sql.js';
export { type SystemTable, systemSchema } from './system-tables.js';
export { isConflict, type TransactionOptions } from './transaction.js';
