export { checkWorkflows } from './check-workflows.js';
export { type CodeFile, type CodeKind, codeFiles, ownFolder } from './code-files.js';
export { syntaxError } from './exported-functions.js';
export { clash, type WorkflowNames, workflowNames } from './workflow-names.js';
