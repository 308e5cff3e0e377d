import { createHash } from 'node:crypto';

/** A Lua script with the hash Redis knows it by. */
export interface RedisScript {
  readonly text: string;
  readonly sha: string;
}

const script = (text: string): RedisScript => ({ text, sha: createHash('sha1').update(text).digest('hex') });

/**
 * What the scripts have in common: they do what online-rules.ts does, on the header of row-header.ts (Lua counts bytes from 1). Only
 * the head of a stored row is fetched. Numbers are compared as numbers of 32 bits: Lua's order of texts depends on the server's
 * locale, and its numbers hold 53 bits.
 *
 * ARGV: 1 = how long after its event time a row expires, ms (0 = never); 2 = how long a tombstone is kept, ms; 3 = snapshot; 4 = the
 * rows, each behind its length (u32, big-endian), in the order of KEYS.
 */
const common = `
local unpack, call = struct.unpack, redis.call
local expiry, keep = tonumber(ARGV[1]), ARGV[2]
local now = 0
if expiry > 0 then
  local time = call('TIME')
  now = time[1] * 1000 + time[2] / 1000
end
local function u64(row, at)
  local high, low = unpack('>I4I4', row, at)
  return high * 4294967296 + low
end
local function generation(row) return (unpack('>I4', row, 3)) end
local function dead(row) return string.byte(row, 2) % 2 == 1 end
-- false: the row is too old to be kept; in place of a stored one it leaves a tombstone.
local function put(key, row, stored)
  if dead(row) then
    call('SET', key, row, 'PX', keep)
    return true
  end
  if expiry == 0 then
    call('SET', key, row)
    return true
  end
  local high, low = unpack('>I4I4', row, 23)
  local at = math.floor(((high - 2147483648) * 4294967296 + low) / 1000) + expiry
  if at > now then
    call('SET', key, row, 'PXAT', string.format('%.0f', at))
    return true
  end
  if stored ~= '' then
    call('SET', key, string.sub(row, 1, 1) .. '\\1' .. string.sub(row, 3, 22) .. string.rep('\\0', 33), 'PX', keep)
  end
  return false
end
`;

/** Calls `take(key, row, stored)` for each. */
const eachRow = `
local rows, from = ARGV[4], 1
for index = 1, #KEYS do
  local length = unpack('>I4', rows, from)
  local key = KEYS[index]
  take(key, string.sub(rows, from + 4, from + 3 + length), call('GETRANGE', key, 0, 54))
  from = from + 4 + length
end
`;

/** `afterWrite` for each row, whose reflects is 0. @returns [written, stale]. */
export const writeNewerScript = script(`${common}
local ties = '>I4I4BI4I4I4I4I4I4'
local function newer(row, stored)
  local a, b = { unpack(ties, row, 23) }, { unpack(ties, stored, 23) }
  for part = 1, 9 do
    if a[part] ~= b[part] then return a[part] > b[part] end
  end
  return false
end
local written, stale = 0, 0
local function take(key, row, stored)
  local goes = stored == '' or generation(stored) < generation(row)
  if not goes and generation(stored) == generation(row) and u64(row, 7) > u64(stored, 15) and (dead(stored) or newer(row, stored)) then
    goes = true
    local reflects = string.sub(stored, 15, 22)
    if reflects ~= string.sub(row, 15, 22) then row = string.sub(row, 1, 14) .. reflects .. string.sub(row, 23) end
  end
  if goes and put(key, row, stored) then written = written + 1 else stale = stale + 1 end
end
${eachRow}
return { written, stale }
`);

/** `afterReplace` for each row, whose reflects is the snapshot. @returns [written, deleted, left]. */
export const replaceScript = script(`${common}
local snapshot = tonumber(ARGV[3])
local written, deleted, left = 0, 0, 0
local function take(key, row, stored)
  local lives = false
  if stored ~= '' then
    local of, ours = generation(stored), generation(row)
    if of > ours or (of == ours and (u64(stored, 7) > snapshot or u64(stored, 15) > snapshot)) then
      left = left + 1
      return
    end
    lives = of == ours and not dead(stored)
  end
  if put(key, row, stored) and not dead(row) then written = written + 1 elseif lives then deleted = deleted + 1 end
end
${eachRow}
return { written, deleted, left }
`);

/** `isSwept` for each key; the first of the rows is the tombstone to leave, of the run's generation. @returns [deleted]. */
export const sweepScript = script(`${common}
local snapshot, deleted = tonumber(ARGV[3]), 0
local tombstone = string.sub(ARGV[4], 5)
local ours = generation(tombstone)
for index = 1, #KEYS do
  local stored = call('GETRANGE', KEYS[index], 0, 54)
  if stored ~= '' and generation(stored) <= ours and u64(stored, 15) < snapshot and u64(stored, 7) <= snapshot then
    if not dead(stored) then deleted = deleted + 1 end
    call('SET', KEYS[index], tombstone, 'PX', keep)
  end
end
return { deleted }
`);
