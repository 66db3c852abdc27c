-- Adds alerts to the feed that people read back, each once, and drops the oldest beyond the limit.
--
-- KEYS     the feed's stream, its ids (alert id -> place), the newest place that was dropped
-- ARGV     most alerts kept, then per alert: its id, its record
-- Returns  per alert 1 when it is new and 0 when the feed has it already

local fresh = {}
for at = 2, #ARGV, 2 do
  local id = ARGV[at]
  if redis.call('HEXISTS', KEYS[2], id) == 1 then
    table.insert(fresh, 0)
  else
    local place = redis.call('XADD', KEYS[1], '*', 'id', id, 'alert', ARGV[at + 1])
    redis.call('HSET', KEYS[2], id, place)
    table.insert(fresh, 1)
  end
end
local surplus = redis.call('XLEN', KEYS[1]) - tonumber(ARGV[1])
if surplus > 0 then
  for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', surplus)) do
    redis.call('HDEL', KEYS[2], entry[2][2])
    redis.call('SET', KEYS[3], entry[1])
    redis.call('XDEL', KEYS[1], entry[1])
  end
end
return fresh
