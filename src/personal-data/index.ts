export { type Hashable, hashPii, hashWith, masked, timeText } from './hash.js';
export { createPads, hmacSql, messageSql } from './hash-sql.js';
export { acceptKey, checkKnownKey, compareKeys, type KnownKey, knownKey } from './known-key.js';
export { keyFingerprint, piiKey, piiKeyVariable } from './pii-key.js';
