-- Holds a partition for a rebuild: until it is released nobody applies anything to it.
--
-- KEYS[1]  the position
-- Returns  the source offset below which alerts have been raised; a replay does not raise them again
--
-- Repeating is safe, also after a rebuild that died half way.

local standing = redis.call('HMGET', KEYS[1], 'src', 'raised')
local raised = math.max(tonumber(standing[1] or 0), tonumber(standing[2] or 0))
redis.call('HSET', KEYS[1], 'held', '1', 'raised', string.format('%.0f', raised))
return raised
