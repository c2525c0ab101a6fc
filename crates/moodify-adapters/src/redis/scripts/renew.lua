-- Goes on with the lease of a process, or begins it. Returns whether it goes on, and a lease that ended and that this
-- process may tidy up after, if there is one ('' if not).
-- KEYS: leases, lapsed, attendance. ARGV: lease, its length in ms, '1' to begin it, '1' to tidy up, how long nobody else
-- tidies up after the same in ms.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local goes_on = ARGV[3] == '1' or redis.call('ZSCORE', KEYS[1], ARGV[1])
if goes_on then
  redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
  redis.call('PEXPIRE', KEYS[3], 86400000)
end
for _, lease in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 100)) do
  redis.call('ZREM', KEYS[1], lease)
  redis.call('ZADD', KEYS[2], 0, lease)
end
local lapsed = ''
if goes_on and ARGV[4] == '1' then
  lapsed = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 1)[1] or ''
  if lapsed ~= '' then
    redis.call('ZADD', KEYS[2], now + ARGV[5], lapsed)
  end
end
return { goes_on and 1 or 0, lapsed }
