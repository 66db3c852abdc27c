-- Puts matches into the feed that people read back: per alert its newest revision, in place of the one before it; and
-- what is to be sent of it to alerts.v1. Drops the oldest alerts beyond the limit, with all that is known of them.
--
-- KEYS     inbox, feed's stream, alert id -> place, match id -> article revision:alert id, alert id:match id, newest
--          place that was dropped, what is to be sent
-- ARGV[1]  MessagePack, made by consumers/feeding.py: kept, sending {id, JSON of every revision}, read {id, expected
--          place of an alert}, known {id, what was known of a match}, alerts {id, the same place, JSON of the newest},
--          matches {id, article revision:alert id, alert id}, done (places in the inbox)
-- Returns  1; or 0, and nothing is changed, where an alert is not at the place that it was read from, or not the same
--          is known of a match: another relay was here, and the caller merges again

local call = cmsgpack.unpack(ARGV[1])
local inbox, feed, ids, matches, of, trimmed, sending = unpack(KEYS)

for _, alert in ipairs(call.read) do
  if (redis.call('HGET', ids, alert.id) or '') ~= alert.place then
    return 0
  end
end
for _, match in ipairs(call.known) do
  if (redis.call('HGET', matches, match.id) or '0') ~= match.known then
    return 0
  end
end
for _, revision in ipairs(call.sending) do
  redis.call('XADD', sending, '*', 'id', revision.id, 'alert', revision.alert)
end
for _, alert in ipairs(call.alerts) do
  local first = ''
  if alert.place ~= '' then
    local before = redis.call('XRANGE', feed, alert.place, alert.place)[1]
    first = before and before[2][6] or ''
    if first == '' then
      first = alert.place
    end
    redis.call('XDEL', feed, alert.place)
  end
  -- Its first place stays known: who reads on tells by it a new alert from an update.
  local place = redis.call('XADD', feed, '*', 'id', alert.id, 'alert', alert.alert, 'first', first)
  redis.call('HSET', ids, alert.id, place)
end
for _, match in ipairs(call.matches) do
  redis.call('HSET', matches, match.id, match.revision)
  redis.call('ZADD', of, 0, match.alert .. ':' .. match.id)
end
for _, place in ipairs(call.done) do
  redis.call('XDEL', inbox, place)
end
local surplus = redis.call('XLEN', feed) - call.kept
if surplus > 0 then
  for _, entry in ipairs(redis.call('XRANGE', feed, '-', '+', 'COUNT', surplus)) do
    local id = entry[2][2]
    local from, to = '[' .. id .. ':', '(' .. id .. ';' -- the sign after the colon
    for _, member in ipairs(redis.call('ZRANGEBYLEX', of, from, to)) do
      redis.call('HDEL', matches, string.sub(member, #id + 2))
    end
    redis.call('ZREMRANGEBYLEX', of, from, to)
    redis.call('HDEL', ids, id)
    redis.call('SET', trimmed, entry[1])
    redis.call('XDEL', feed, entry[1])
  end
end
return 1
