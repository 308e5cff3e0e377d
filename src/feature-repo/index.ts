export { type CodeVersion, codeAtWork, codeVersion, describeCode } from './code-version.js';
export type { FeatureRepo } from './feature-repo.js';
export { type LoadOptions, loadFeatureRepo } from './load-feature-repo.js';
export { type HandedModules, loadFiles } from './load-files.js';
export { type Project, resolveProject } from './project-root.js';
export { hashFiles, importClosure, resolveImport } from './source-files.js';
