export { type ForgetOptions, Forgetting } from './forgetting.js';
export type { ForgetRecord, ForgetState } from './record.js';
export type { ForgetReport, Left, Proof } from './report.js';
