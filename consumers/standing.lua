-- Reads alerts as the feed has them, all at one moment.
--
-- KEYS     the feed's stream, alert id -> place
-- ARGV     ids of alerts
-- Returns  per alert its place and its JSON; both empty for one that the feed does not have

local found = {}
for _, id in ipairs(ARGV) do
  local place = redis.call('HGET', KEYS[2], id) or ''
  local entry = place ~= '' and redis.call('XRANGE', KEYS[1], place, place)[1]
  table.insert(found, place)
  table.insert(found, entry and entry[2][4] or '')
end
return found
