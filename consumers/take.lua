-- Puts what was read from an outbox into the inbox of the feed. The caller drops it from the outbox in the same breath.
--
-- KEYS[1]  inbox
-- ARGV     per entry: id, alert, sketch
-- Repeating adds it again: the feed takes each match once.

for at = 1, #ARGV, 3 do
  redis.call('XADD', KEYS[1], '*', 'id', ARGV[at], 'alert', ARGV[at + 1], 'sketch', ARGV[at + 2])
end
return #ARGV / 3
