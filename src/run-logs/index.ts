export { fits, type LogFields, type LogFilter, type LogLevel, logLevels, type RunLogLine } from './run-log.js';
export { RunLogs } from './run-logs.js';
