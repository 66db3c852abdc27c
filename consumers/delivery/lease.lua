-- Takes, renews or releases a lease.
--
-- KEYS     the lease
-- ARGV     who, for how many milliseconds; 0 releases it
-- Returns  1 where it is theirs, or was until now; 0 where it is another's, and nothing is changed

local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return 1
