export { type Hashable, hashPii, hashWith, masked, timeText } from './hash.js';
export { createPads, hmacSql, messageSql } from './hash-sql.js';
export { acceptKey, checkKnownKey, compareKeys, type KnownKey, keyOf, knownKey } from './known-key.js';
export { hashes, keyFingerprint, piiKey, piiKeyVariable } from './pii-key.js';
