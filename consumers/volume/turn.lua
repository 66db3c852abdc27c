-- Ends a turn of the service: what is open, and the alerts, in one step, and only for who holds the lease.
--
-- KEYS     the lease, what is open (hash), the outbox
-- ARGV     the holder, how many changes follow, per change: subject, value (empty: drop it); then per alert: id, record
-- Returns  1, or 0 where another one holds the lease: then nothing is changed

if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
local changes = tonumber(ARGV[2])
for at = 3, 2 + 2 * changes, 2 do
  if ARGV[at + 1] == '' then
    redis.call('HDEL', KEYS[2], ARGV[at])
  else
    redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 1])
  end
end
for at = 3 + 2 * changes, #ARGV, 2 do
  redis.call('XADD', KEYS[3], '*', 'id', ARGV[at], 'alert', ARGV[at + 1], 'sketch', '')
end
return 1
