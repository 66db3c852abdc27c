-- Writes down which stories articles belong to, if nothing was written since the caller looked.
--
-- KEYS     the version, then every other key that is touched; the argument refers to them by number
-- ARGV[1]  MessagePack, made by consumers/stories/book.py: expected and next version, terms_kept, of_seconds, piece_seconds, and
--          articles {of, story, piece, kept, terms, id, common, all}
-- Returns  1; or 0, and nothing is changed, where the version is another one

local call = cmsgpack.unpack(ARGV[1])
if (redis.call('GET', KEYS[1]) or '') ~= call.expected then
  return 0
end
redis.call('SET', KEYS[1], call.version)
for _, article in ipairs(call.articles) do
  redis.call('SET', KEYS[article.of], article.story, 'EX', call.of_seconds)
  if article.kept ~= '' then
    redis.call('SET', KEYS[article.piece], article.kept, 'EX', call.piece_seconds)
    for _, term in ipairs(article.terms) do
      redis.call('RPUSH', KEYS[term], article.id)
      redis.call('LTRIM', KEYS[term], -call.terms_kept, -1)
      redis.call('EXPIRE', KEYS[term], call.piece_seconds)
    end
    redis.call('HINCRBY', KEYS[article.common], 'n', 1)
    for _, term in ipairs(article.all) do
      redis.call('HINCRBY', KEYS[article.common], term, 1)
    end
    redis.call('EXPIRE', KEYS[article.common], call.common_seconds)
  end
end
return 1
