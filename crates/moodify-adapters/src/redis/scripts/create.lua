-- The first state of an epoch, unless there is a state. Returns whether it was stored.
-- KEYS: state, dirty. ARGV: run, version, state, time to keep it in ms, now in us, account ('' without an archive).
if redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
redis.call('HSET', KEYS[1], 'run', ARGV[1], 'version', ARGV[2], 'state', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
if ARGV[6] ~= '' then
  redis.call('ZADD', KEYS[2], ARGV[5], ARGV[6])
end
return 1
