-- Keeps what the notifier decided for one receiver, all of it or nothing: groups, notifications, and how far it has read.
--
-- KEYS     the notifier's lease, the cursor, groups, looks, the queue, notifications, marks, sent
-- ARGV     who decided, milliseconds of the lease, the cursor that was read from, the cursor from now on,
--          marks older than this are dropped,
--          number of groups, per group its name, its JSON ('' forgets it), when to look at it ('' never),
--          number of notifications, per notification its id, its JSON, when it is due,
--          number of marks, per mark its name, when it came
-- Returns  1; 0 where another decides by now, or has read on: then nothing is changed

if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if redis.call('GET', KEYS[2]) ~= ARGV[3] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
if ARGV[4] ~= ARGV[3] then redis.call('SET', KEYS[2], ARGV[4], 'KEEPTTL') end
local at = 6
local function following()
  at = at + 1
  return ARGV[at]
end
for _ = 1, tonumber(ARGV[at]) do
  local name, group, look = following(), following(), following()
  if group == '' then
    redis.call('HDEL', KEYS[3], name)
    redis.call('ZREM', KEYS[4], name)
  else
    redis.call('HSET', KEYS[3], name, group)
    if look == '' then redis.call('ZREM', KEYS[4], name) else redis.call('ZADD', KEYS[4], look, name) end
  end
end
for _ = 1, tonumber(following()) do
  local id, notification, due = following(), following(), following()
  -- A client that got no answer may send this twice, and the sender may have been fast.
  if redis.call('HEXISTS', KEYS[8], id) == 0 then
    redis.call('HSET', KEYS[6], id, notification)
    redis.call('ZADD', KEYS[5], due, id)
  end
end
for _ = 1, tonumber(following()) do
  local mark, came = following(), following()
  redis.call('ZADD', KEYS[7], 'GT', came, mark)
end
redis.call('ZREMRANGEBYSCORE', KEYS[7], '-inf', ARGV[5])
return 1
