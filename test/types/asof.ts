/** What `asof` means to the type tests: the definitions and their types, without the engines behind the whole entry. */
export * from '../../src/definitions/index.js';
export * from '../../src/types.js';
