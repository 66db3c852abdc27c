-- Applies one batch of one partition in one step: the counters, the ids seen, the outbox of matches and the position.
--
-- KEYS     every key that is touched; the argument refers to them by number. All have one hash tag.
--          KEYS[1] is the position. Nothing is read from a clock: a replay does what the first run did.
-- ARGV[1]  MessagePack, made by consumers/applying.py, which documents it.
-- Returns  {1, position, one letter per record, gaps}
--          letters: c counted, d duplicate article, r redelivered source offset
--          Nothing is changed with the others:
--          {0, position} when the batch does not start where the partition stands
--          {2, position} when another member has claimed the partition (claim.lua)
--          {3, position} while a rebuild holds the partition (hold.lua)

local call = cmsgpack.unpack(ARGV[1])
local standing = redis.call('HMGET', KEYS[1], 'next', 'src', 'held', 'generation', 'member', 'raised')
local position = standing[1] or '0'
if standing[3] then
  return {3, position}
end
if call.member ~= '' and (standing[4] ~= call.generation or standing[5] ~= call.member) then
  return {2, position}
end
if position ~= call.expected then
  return {0, position}
end
local watermark = tonumber(standing[2] or nil)
local raised = tonumber(standing[6] or 0) -- matches of records below went out before a rebuild

local CHUNK = 1000 -- Lua's stack bounds the arguments of one command

local function in_chunks(items, visit)
  for first = 1, #items, CHUNK do
    visit(first, math.min(first + CHUNK - 1, #items))
  end
end

-- Which ids were seen within the window of their record's day: one question per set, not per record.
local asked, known = {}, {}
for number = 1, #call.days do
  asked[number], known[number] = {}, {}
end
for _, record in ipairs(call.records) do
  if record.id ~= '' then
    table.insert(asked[record.day], record.id)
  end
end
for number, day in ipairs(call.days) do
  local ids = asked[number]
  for _, key in ipairs(day.window) do
    in_chunks(ids, function(first, last)
      for i, hit in ipairs(redis.call('SMISMEMBER', KEYS[key], unpack(ids, first, last))) do
        if hit == 1 then
          known[number][ids[first + i - 1]] = true
        end
      end
    end)
  end
end

local letters, gaps, seen_here, totals, found = {}, 0, {}, {}, {}

local function add(key, field, amount)
  local fields = totals[key]
  if not fields then
    fields = {}
    totals[key] = fields
  end
  fields[field] = (fields[field] or 0) + amount
end

for i, record in ipairs(call.records) do
  local redelivered = watermark and record.src < watermark
  if redelivered then
    letters[i] = 'r'
  else
    if watermark then
      gaps = gaps + (record.src - watermark)
    end
    watermark = record.src + 1
    local duplicate = false
    if record.id ~= '' then
      local today = call.days[record.day].ordinal
      local last = seen_here[record.id]
      duplicate = known[record.day][record.id] or (last ~= nil and today - last <= call.seen_days)
      seen_here[record.id] = today
      -- A duplicate is seen again: an article that its feed keeps for weeks stays one article.
      add(call.days[record.day].seen, record.id, 1)
    end
    if not duplicate or record.edit then
      if record.src >= raised then
        for at = 1, #record.matches, 2 do
          local place = string.format('%.0f-%d', record.src + 1, (at - 1) / 2)
          table.insert(found, {place, record.matches[at], record.matches[at + 1], record.sketch})
        end
      end
    end
    if duplicate then
      letters[i] = 'd'
      add(record.totals, 'dup', 1)
    else
      letters[i] = 'c'
      for at = 1, #record.add, 3 do
        add(record.add[at], record.add[at + 1], record.add[at + 2])
      end
    end
  end
end

-- From here on only writes. The first one is refused when memory is full, and then nothing has changed; a script that
-- has written once is never refused again.
redis.call('HSET', KEYS[1], 'next', call.following, 'day', call.day)
if watermark then
  redis.call('HSET', KEYS[1], 'src', string.format('%.0f', watermark))
end
for key, fields in pairs(totals) do
  local about = call.keys[key]
  if about.kind == 'set' then
    local ids = {}
    for id in pairs(fields) do
      table.insert(ids, id)
    end
    in_chunks(ids, function(first, last)
      redis.call('SADD', KEYS[key], unpack(ids, first, last))
    end)
  elseif about.kind == 'zset' then
    for member, amount in pairs(fields) do
      redis.call('ZINCRBY', KEYS[key], amount, member)
    end
    if redis.call('ZCARD', KEYS[key]) > 2 * about.members_max then
      redis.call('ZREMRANGEBYRANK', KEYS[key], 0, -about.members_max - 1)
    end
  else
    for field, amount in pairs(fields) do
      redis.call('HINCRBY', KEYS[key], field, amount)
    end
  end
  if about.expires > 0 then
    redis.call('EXPIREAT', KEYS[key], about.expires)
  end
end
for _, match in ipairs(found) do
  redis.call('XADD', KEYS[2], match[1], 'id', match[2], 'alert', match[3], 'sketch', match[4])
end
for _, key in ipairs(call.forget) do
  redis.call('UNLINK', KEYS[key])
end
return {1, call.following, table.concat(letters), gaps}
