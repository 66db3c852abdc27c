-- Saves the text of a rules file as the rules in use, if those saved are still the ones that it was made from.
--
-- KEYS     the saved rules (consumers/rules_in_use.py)
-- ARGV     the version that must be there ('' where none may be, '*' whichever), then field, value, …
-- Returns  1 when it is saved; 0, and nothing is changed, when another version is there

local version = redis.call('HGET', KEYS[1], 'version') or ''
if ARGV[1] ~= '*' and ARGV[1] ~= version then
  return 0
end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return 1
