-- Whether this process is the one that does it, now and for a while.
-- KEYS: who does it. ARGV: process, while in ms.
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
