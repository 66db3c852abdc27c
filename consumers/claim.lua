-- Claims a partition for one member of a group, so that batches of any other member are refused.
--
-- KEYS[1]  the position
-- ARGV     generation, member id, 1 to claim it whoever has it
-- Returns  1 when it is claimed; 0 when a later generation, or another member of this one, has it

local standing = redis.call('HMGET', KEYS[1], 'generation', 'member')
local generation = tonumber(standing[1] or -1)
local asked = tonumber(ARGV[1])
if ARGV[3] ~= '1' and standing[2] then
  if asked < generation or (asked == generation and ARGV[2] ~= standing[2]) then
    return 0
  end
end
if standing[1] ~= ARGV[1] or standing[2] ~= ARGV[2] then
  redis.call('HSET', KEYS[1], 'generation', ARGV[1], 'member', ARGV[2])
end
return 1
