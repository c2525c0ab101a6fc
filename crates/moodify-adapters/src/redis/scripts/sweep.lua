-- Removes a listener's connections under a lease that ended. Returns what was known of them.
-- KEYS: online, attendance. ARGV: lease, account.
local found = redis.call('HGETALL', KEYS[1])
local gone = {}
for n = 1, #found, 2 do
  if string.sub(found[n], 38) == ARGV[1] then
    redis.call('HDEL', KEYS[1], found[n])
    table.insert(gone, found[n + 1])
  end
end
redis.call('SREM', KEYS[2], ARGV[2])
return gone
