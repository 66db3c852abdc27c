-- Keeps a verdict on an alert, in the place of an earlier one, or takes it back, and the counts per rule in step with it.
--
-- KEYS     verdicts, the order in which they came, the counts
-- ARGV     alert id, verdict (JSON; empty to take it back), milliseconds since the epoch, its count's name, most kept
-- Returns  1; 0 when there was none to take back

local earlier = redis.call('HGET', KEYS[1], ARGV[1])
if earlier then
  local was = cjson.decode(earlier)
  redis.call('HINCRBY', KEYS[3], was.value .. ':' .. was.rule, -1)
end
if ARGV[2] == '' then
  redis.call('ZREM', KEYS[2], ARGV[1])
  return redis.call('HDEL', KEYS[1], ARGV[1])
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
redis.call('HINCRBY', KEYS[3], ARGV[4], 1)
local surplus = redis.call('ZCARD', KEYS[2]) - tonumber(ARGV[5])
if surplus > 0 then
  -- Their counts stay: a rule does not lose its record because it is old.
  for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, surplus - 1)) do
    redis.call('HDEL', KEYS[1], id)
    redis.call('ZREM', KEYS[2], id)
  end
end
return 1
